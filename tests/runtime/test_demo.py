from __future__ import annotations

import numpy as np

from cdedge_runtime.sources import demo


def test_frames_depend_on_seed_and_time_only() -> None:
    one, two, other = demo.Clip(1), demo.Clip(1), demo.Clip(2)
    np.testing.assert_array_equal(one.frame(9), two.frame(9))
    assert np.abs(one.frame(9).astype(int) - other.frame(9)).mean() > 5


def test_the_box_is_where_the_target_is_drawn() -> None:
    """Frames that differ only in the target differ only inside its box."""
    clip, plain = demo.Clip(), demo.Clip()
    plain._target = np.zeros_like(plain._target)
    for t in (0, 60, 110):
        rows, columns = np.nonzero(np.abs(clip.frame(t).astype(int) - plain.frame(t)).sum(axis=2))
        box = clip.box(t)
        assert box.y - 1 <= rows.min() <= box.y + 2
        assert box.y + box.height - 2 <= rows.max() + 1 <= box.y + box.height + 1
        assert box.x - 1 <= columns.min() <= box.x + 2
        assert box.x + box.width - 2 <= columns.max() + 1 <= box.x + box.width + 1


def test_the_target_stays_in_the_frame() -> None:
    clip = demo.Clip()
    for t in range(demo.FRAMES):
        box = clip.box(t)
        assert min(box.x, box.y) >= 0
        assert box.x + box.width <= demo.WIDTH
        assert box.y + box.height <= demo.HEIGHT
