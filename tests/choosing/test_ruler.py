from __future__ import annotations

import numpy as np
import pytest

from cdedge.choosing import ruler
from cdedge.choosing.ruler import ruled
from cdedge_runtime.box import Box


@pytest.mark.parametrize("size", [(96, 64), (320, 240), (1920, 1080), (64, 480)])
def test_the_box_lies_where_the_ruler_says(size: tuple[int, int]) -> None:
    width, height = size
    frame = np.full((height, width, 3), 128, np.uint8)
    box = Box(width / 4, height / 4, width / 2, height / 4)
    plain, shown = ruled(frame, None), ruled(frame, box)
    rows, columns = np.nonzero((plain != shown).any(axis=2))
    margin = 34
    scale_y, scale_x = (plain.shape[0] - margin) / height, (plain.shape[1] - margin) / width
    assert scale_x == pytest.approx(scale_y, rel=0.02)
    assert (columns.min() - margin) / scale_x == pytest.approx(box.x, abs=4 / scale_x)
    assert (columns.max() - margin) / scale_x == pytest.approx(box.x + box.width, abs=4 / scale_x)
    assert (rows.min() - margin) / scale_y == pytest.approx(box.y, abs=4 / scale_y)
    assert (rows.max() - margin) / scale_y == pytest.approx(box.y + box.height, abs=4 / scale_y)


def test_the_frame_itself_is_left_alone() -> None:
    frame = np.full((60, 80, 3), 128, np.uint8)
    ruled(frame, Box(10, 10, 20, 20))
    assert (frame == 128).all()


def test_the_numbers_count_from_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(ruler, "_number", lambda _picture, text, *_, **__: written.append(int(text)))
    ruled(np.full((60, 80, 3), 128, np.uint8), None, origin=1)
    from_one = written.copy()
    written.clear()
    ruled(np.full((60, 80, 3), 128, np.uint8), None)
    assert (min(written), max(written)) == (0, 80)
    assert from_one == [number + 1 for number in written]
