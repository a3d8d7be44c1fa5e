"""Every page's links lead to files and headings that are there, on GitHub too; addresses outside are left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += [page for folder in ("docs", "devices", "benchmarks") for page in sorted((ROOT / folder).rglob("*.md"))]
MADE = [ROOT / "docs" / "reference" / f"{name}.md" for name in ("commands", "settings", "errors", "schemas")]
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def broken(page: Path) -> list[str]:
    links = [link for link in _LINK.findall(page.read_text()) if not re.match(r"[a-z]+:", link)]
    return [link for link in links if not is_there(page, *link.partition("#")[::2])]


def is_there(page: Path, path: str, anchor: str) -> bool:
    target = page.parent / path if path else page
    if target.resolve() in MADE:  # docs/hooks.py makes them while the site is built
        return True
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One head\n[a](page.md#one-head) [b](nothing.md) [c](#two) [d](https://example.org/x)")
    assert broken(page) == ["nothing.md", "#two"]
