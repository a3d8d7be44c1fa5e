"""Targets that are followed together: in which frames each was lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge.several import Several
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.model.session import Extractor
from tests.conftest import Done

Run = Callable[..., Done]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (("9,9,20,20", "x"), "--target x: expected four numbers"),
        (("9,9,20,20", "30,30,190,150"), "--target 30,30,190,150: leaves the 200x160 frame, and looks like corners"),
        (("30,30,190,150",), "--target 30,30,190,150: leaves the 200x160 frame, and looks like corners"),
    ],
)
def test_every_targets_box_is_looked_at(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, targets: tuple[str, ...], said: str
) -> None:
    words = [word for each in targets for word in ("--target", each)]
    done = cdedge("track", tiny_model, square_folder, *words, "-o", tmp_path / "boxes.csv")
    assert done.returncode == 2
    assert f"cdedge: {said}" in done.stderr
    assert not (tmp_path / "boxes.csv").exists()


def test_a_doubt_about_any_target_is_said(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    boxes = ["--target", "9,9,20,20", "--target", "9,9,4,20"]
    done = cdedge("track", tiny_model, square_folder, *boxes, "-o", tmp_path / "boxes.csv")
    assert done.returncode == 0
    assert "warning: --target 9,9,4,20 in the 200x160 frame: it is less than 6 px wide" in done.stderr


def test_each_targets_lost_frames_are_counted(tiny_model: Path) -> None:
    several, box = Several(Extractor(tiny_model, threads=1), [lambda _: Box(1, 1, 9, 9)]), Box(0, 0, 9, 9)
    for lost in (False, True, True):
        several.seen = {1: Estimate(box, 1.0, lost=False), 2: Estimate(box, 0.1, lost=lost)}
        assert several._said().lost is lost
    assert several.lost_frames == {1: 0, 2: 2}
