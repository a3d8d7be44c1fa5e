from __future__ import annotations

from dataclasses import replace

import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.sources import demo


def _differing(one: np.ndarray, two: np.ndarray) -> Box:
    rows, columns = np.nonzero(np.abs(one.astype(int) - two).sum(axis=2))
    return Box(columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())


def _stripped(clip: demo.Clip) -> demo.Clip:
    """The clip with its target painted black from tyre to roof."""
    car = clip._target.car
    clip._target = replace(clip._target, car=replace(car, colors=0 * car.colors, mirror=0 * car.mirror))
    return clip


def test_frames_depend_on_seed_and_time_only() -> None:
    one, two, other = demo.Clip(1), demo.Clip(1), demo.Clip(2)
    np.testing.assert_array_equal(one.frame(9), two.frame(9))
    assert np.abs(one.frame(9).astype(int) - other.frame(9)).mean() > 5


def test_the_box_is_where_the_target_is_drawn() -> None:
    """Frames that differ only in the target's colours differ only inside its box, and up to its edges."""
    clip, black = demo.Clip(), _stripped(demo.Clip())
    for t in (0, 60, 110, 239):
        seen, box = _differing(clip.frame(t), black.frame(t)), clip.box(t)
        assert abs(seen.x - box.x) <= 2
        assert abs(seen.y - box.y) <= 2
        assert abs(seen.x + seen.width - box.x - box.width) <= 2
        assert box.y + 0.8 * box.height <= seen.y + seen.height <= box.y + box.height + 1  # the tyres stay as they are


def test_the_lamp_hides_part_of_the_target_for_a_moment() -> None:
    clip = demo.Clip()
    hidden = [t for t in range(demo.FRAMES) if _hidden(clip, t) > 0.1]
    assert 5 <= len(hidden) <= 14
    assert hidden == list(range(hidden[0], hidden[-1] + 1))
    assert hidden[-1] < demo.FRAMES - 60


def test_the_target_stays_in_the_frame() -> None:
    clip = demo.Clip()
    for t in range(demo.FRAMES):
        box = clip.box(t)
        assert min(box.x, box.y) >= 0
        assert box.x + box.width <= demo.WIDTH
        assert box.y + box.height <= demo.HEIGHT


def _hidden(clip: demo.Clip, t: int) -> float:
    """The share of the target's box that something in front covers."""
    box = clip.box(t)
    rows, columns = slice(round(box.y), round(box.y + box.height)), slice(round(box.x), round(box.x + box.width))
    return float((clip._seen(t)[rows, columns, 3] > 127).mean())
