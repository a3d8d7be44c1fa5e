"""Several targets on one session: each as if it were alone, started and stopped while others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdedge_runtime import Box, open_tracker
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.targets import open_targets
from tests.conftest import MovingSquare

FRAMES = 8


def boxes(model: Path, clip: MovingSquare, start: Box) -> list[Box]:
    tracker = open_tracker(model, threads=1)
    tracker.init(clip.frame(0), start)
    return [tracker.update(clip.frame(t)).box for t in range(1, FRAMES)]


@pytest.mark.parametrize("workers", [1, 3])
def test_each_target_is_followed_as_if_it_were_alone(tiny_model: Path, workers: int) -> None:
    clip = MovingSquare(FRAMES)
    first = clip.box(0)
    starts = {n: Box(first.x + 7 * n, first.y + 5 * n, first.width, first.height) for n in range(5)}
    with open_targets(tiny_model, threads=1, workers=workers) as targets:
        for number, box in starts.items():
            assert targets.start(number, clip.frame(0), box).box == box
        found = [targets.update(clip.frame(t)) for t in range(1, FRAMES)]
    for number, box in starts.items():
        assert [each[number].box for each in found] == boxes(tiny_model, clip, box)


def test_targets_come_and_go_while_others_are_followed(tiny_model: Path) -> None:
    clip = MovingSquare(FRAMES)
    alone = boxes(tiny_model, clip, clip.box(0))
    with open_targets(tiny_model, threads=1) as targets:
        targets.start(1, clip.frame(0), clip.box(0))
        assert targets.update(clip.frame(1))[1].box == alone[0]
        targets.start(2, clip.frame(1), clip.box(1))
        assert set(targets.update(clip.frame(2))) == {1, 2}
        targets.stop(2)
        targets.start(1, clip.frame(2), clip.box(2))
        assert targets.numbers == (1,)
        with pytest.raises(BadInput, match="no target 2 is followed, only 1"):
            targets.stop(2)


def test_a_box_that_cannot_be_tracked_leaves_the_old_target(tiny_model: Path) -> None:
    clip = MovingSquare(FRAMES)
    with open_targets(tiny_model, threads=1) as targets:
        targets.start(1, clip.frame(0), clip.box(0))
        with pytest.raises(BadInput, match="box"):
            targets.start(1, clip.frame(0), (0, 0, 0, 0))
        assert targets.update(clip.frame(1))[1].box == boxes(tiny_model, clip, clip.box(0))[0]


def test_no_workers_and_no_frame_are_refused(tiny_model: Path) -> None:
    with pytest.raises(Usage, match="workers"):
        open_targets(tiny_model, workers=0)
    with open_targets(tiny_model, threads=1) as targets:
        assert targets.update(MovingSquare(1).frame(0)) == {}
        with pytest.raises(BadInput, match="frame"):
            targets.update(None)
