"""Options that take a list: an empty item or one that is there twice is a slip, and is told before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done

Run = Callable[..., Done]


@pytest.mark.parametrize("option", ["--layers", "--channels", "--mode", "--input", "--precision", "--deep"])
def test_what_plan_is_to_try_is_named_once_and_nothing_is_empty(cdedge: Run, square_folder: Path, option: str) -> None:
    pytest.importorskip("cdedge_export.network")
    for given in ("", "96,", "96,,96"):
        refused(cdedge("plan", square_folder, option, given), f"{option} '{given}': ", "one is empty")
    refused(cdedge("plan", square_folder, option, "96, 96"), f"{option} 96, 96: 96 is there more than once")


@pytest.mark.parametrize("option", ["--sequences", "--peer-model"])
def test_so_are_sequences_and_files(cdedge: Run, tmp_path: Path, option: str) -> None:
    run = ("evaluate", "--root", tmp_path, option)
    refused(cdedge(*run, "A,"), f"{option} 'A,': ", "one is empty")
    refused(cdedge(*run, "A,B,A"), f"{option} A,B,A: A is there more than once")


def test_so_are_targets_and_settings(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    targets = ("--target", "40,50,24,20", "--target", "40,50,24,20", "-o", tmp_path / "boxes.csv")
    refused(cdedge("track", tiny_model, square_folder, *targets), "one box is there twice")
    settings = ("--set", "scale=none", "--set", "scale=pyramid", "-o", tmp_path / "target.onnx")
    refused(cdedge("export", square_folder, *settings), "scale is set twice")
    assert not list(tmp_path.glob("*.onnx"))


def refused(done: Done, *texts: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    for text in texts:
        assert text in done.stderr
