"""Every file of ours that a page names is there: what is moved or renamed is so on the pages, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = ("benchmarks", "cdedge", "devices", "docs", "examples", "export", "runtime", "tests")
FILES = [str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
_CODE = re.compile(r"`([\w/.-]+\.py)`")
_KEPT = re.compile(r"\b((?:benchmarks|docs|examples|tests|devices)/[\w/.-]+\.\w+)")  # whatever their kind


def missing(text: str) -> list[str]:
    """What a text names and no file of ours ends with."""
    named = {*_CODE.findall(text), *_KEPT.findall(text)}
    return sorted(name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in FILES))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_it_names_are_there(page: Path) -> None:
    assert missing(page.read_text()) == []


def test_what_is_not_there_is_found() -> None:
    assert missing("`nowhere/tracker.py`, benchmarks/none.toml, `trackers/eco/tracker.py`") == [
        "benchmarks/none.toml",
        "nowhere/tracker.py",
    ]
