from __future__ import annotations

import pytest

from cdedge.doubts import box_text, doubts
from cdedge_runtime.box import Box

FRAME = (240, 320, 3)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(100, 80, 60, 40), ()),
        (Box(0, 0, 160, 240), ()),  # exactly half of the frame
        (Box(-20, 80, 50, 40), ()),  # less than half of it is outside
        (Box(-40, 80, 60, 40), ("outside the frame",)),
        (Box(10, 10, 280, 200), ("more than half of the frame",)),
        (Box(100, 80, 5, 40), ("less than 6 px wide",)),
        (Box(100, 80, 40, 5.9), ("less than 6 px high",)),
        (Box(200, 100, 260, 150), ("the box is 200,100,60,50",)),
        (Box(318, 100, 4, 5), ("less than 6 px wide",)),
        (Box(10, 10, 320, 240), ("the box is 10,10,310,230", "more than half")),
    ],
)
def test_what_looks_wrong_is_named(box: Box, words: tuple[str, ...]) -> None:
    found = doubts(box, FRAME)
    assert len(found) == len(words), found
    for said, word in zip(found, words, strict=True):
        assert word in said


def test_a_box_is_written_as_it_is_typed() -> None:
    assert box_text(Box(40, 50.5, 24.126, 20), origin=1) == "41,51.5,24.13,20"
