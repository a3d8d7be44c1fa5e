"""Every command of the tutorial, run as it stands there, in its order, in an empty folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/tutorial.md"
ELSEWHERE = ("bundle",)  # asks the registry: tests/bundling runs it


def commands() -> list[str]:
    return [line for block in blocks(PAGE, "sh") for line in block.splitlines() if line]


def left_by(command: str) -> list[str]:
    """The files that a command's options name."""
    words = shlex.split(command)
    return [words[i + 1] for i, word in enumerate(words) if word in ("-o", "--png", "--video")]


def test_the_page_has_ten_steps_and_one_command_each() -> None:
    steps = re.findall(r"^## (\d+)\.", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert steps == [str(number) for number in range(1, 11)]
    assert len(commands()) == 9
    assert len(blocks(PAGE, "python")) == 1


def test_each_works_in_its_order_and_leaves_what_it_names(
    cdedge: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands():
        name, *words = shlex.split(command)
        assert name == "cdedge"
        if words[0] in ELSEWHERE:
            continue
        done = cdedge(*words)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        for file in left_by(command):
            assert (tmp_path / file).stat().st_size > 0, f"{command} left no {file}"
    assert_python_works(blocks(PAGE, "python")[0], capsys)


def assert_python_works(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, PAGE, "exec"), {})  # noqa: S102 - the page's own code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(re.fullmatch(r"\d+: \d+,\d+ \d+x\d+, score [01]\.\d\d, lost False", line) for line in lines)
