"""Every cdedge command that a page shows is one that the command line takes: options there, arguments complete."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdedge.app import click_error, every_command
from tests.docs.blocks import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "devices").rglob("*.md")),
    *sorted((ROOT / "cdedge" / "bundling" / "parts").glob("*.md")),
]
_BLOCK = re.compile(r"^```(?:sh|bash)?\n(.*?)^```$|(?<=\n\n)((?: {4}\S[^\n]*\n)+)", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(?:env/bin/)?(cdedge [a-z]+ [^`]*\.onnx[^`]*)`")
_SHELL = ("|", ">", "<", ">>", "&&", "||", ";", "&")
_ELLIPSIS = re.compile(r"\.\.\.|\.\.(?= |$)|…|[A-Z]+\|[A-Z]+|\[")


def commands(page: Path) -> Iterator[str]:
    """The commands of a page's blocks and of its sentences, but for those that leave something out."""
    text = page.read_text().replace("\\\n", " ")
    blocks = (found[1] or found[2] for found in _BLOCK.finditer(text))
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    parts = [part for line in lines for part in re.split(r" && | ; ", line.partition("  #")[0])]
    shown = [
        re.sub(r"^.*?(?:^|/|\s)(?=cdedge )", "", part) for part in parts if re.match(r"(\S+/|\$ )?cdedge [-a-z]+", part)
    ]
    for command in [*shown, *_INLINE.findall(text)]:
        if not _ELLIPSIS.search(command):
            yield command


def words_of(command: str) -> list[str]:
    """The words up to a comment or to what is the shell's."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|<>&;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = list(lexer)
    return words[: next((i for i, word in enumerate(words) if word in _SHELL), len(words))]


KNOWN = every_command()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_commands_are_the_command_lines(page: Path) -> None:
    wrong = [said for command in commands(page) if (said := complaint(command))]
    assert not wrong, "\n".join(wrong)


def complaint(command: str) -> str:
    _, name, *words = words_of(command)
    if name.startswith("-"):
        return ""
    if name not in KNOWN:
        return f"{command}: there is no command {name}"
    try:
        context = KNOWN[name].make_context(name, words)
    except click_error as error:
        text = error.format_message()
        return "" if "does not exist" in text else f"{command}: {text}"
    return live_without_box(command, name, context.params)


def live_without_box(command: str, name: str, params: dict[str, Any]) -> str:
    source = str(params.get("source") or "")
    live = source.isdecimal() or re.match(r"(rtsp|csi|picamera|/dev/video|nvargus)", source)
    if name in ("track", "export") and live and not (params["box"] or params["select"]):
        return f"{command}: a live source has no box of its own"
    return ""


def test_what_does_not_work_is_found() -> None:
    assert "Missing argument" in complaint("cdedge bench")
    assert "no command" in complaint("cdedge trak car.onnx")
    assert "--boks" in complaint("cdedge track car.onnx car.mp4 --boks 1,2,3,4")
    assert "live" in complaint("cdedge track car.onnx 0 -o car.txt  # a USB camera")
    assert complaint("cdedge track car.onnx 0 --box 1,2,3,4 --jsonl - | head") == ""


def test_commands_are_found_at_all() -> None:
    assert sum(len(list(commands(page))) for page in PAGES) > 60
