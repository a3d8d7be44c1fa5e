from __future__ import annotations

import math

import pytest

from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import BadInput


@pytest.mark.parametrize(
    ("box", "share"),
    [(Box(10, 10, 20, 10), 0), (Box(-5, 10, 20, 10), 0.25), (Box(10, 44, 20, 10), 0.4), (Box(90, 45, 20, 10), 0.75)],
)
def test_the_share_of_a_box_outside_the_frame(box: Box, share: float) -> None:
    assert box.outside((50, 100, 3)) == pytest.approx(share)


def test_iou_of_known_boxes() -> None:
    assert Box(0, 0, 2, 2).iou(Box(1, 1, 2, 2)) == pytest.approx(1 / 7)
    assert Box(0, 0, 2, 2).iou(Box(2, 0, 2, 2)) == 0
    assert Box(3, 4, 5, 6).iou(Box(3, 4, 5, 6)) == 1


def test_center_and_size_rebuild_the_box() -> None:
    box = Box(3.25, -4.5, 7, 11)
    assert Box.from_center(box.center, box.size) == box


def test_scaling_keeps_the_center() -> None:
    grown = Box(10, 20, 4, 8).scaled(2)
    assert grown == Box(8, 16, 8, 16)


def test_an_upright_rectangle_as_polygon_keeps_center_and_grows_by_the_end_pixel() -> None:
    box = Box.from_polygon([10, 20, 30, 20, 30, 60, 10, 60])
    assert box.center == (20, 40)
    assert box.size == (21, 41)


def test_a_rotated_square_keeps_its_area() -> None:
    half = 10 * math.sqrt(2)
    box = Box.from_polygon([50, 50 - half, 50 + half, 50, 50, 50 + half, 50 - half, 50])
    assert (box.width - 1) * (box.height - 1) == pytest.approx(400)


def test_a_flat_polygon_is_refused() -> None:
    with pytest.raises(BadInput, match="span an area"):
        Box.from_polygon([1, 1, 2, 1, 3, 1, 4, 1])


@pytest.mark.parametrize(
    ("box", "text"),
    [
        (Box(math.nan, 0, 5, 5), "finite"),
        (Box(0, 0, math.inf, 5), "finite"),
        (Box(0, 0, 0, 5), "at least 1 px"),
        (Box(0, 0, 5, -3), "at least 1 px"),
        (Box(100, 0, 5, 5), "outside the 100x50 frame"),
        (Box(-6, 0, 5, 5), "outside"),
    ],
)
def test_bad_targets_are_refused(box: Box, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        check_target(box, (50, 100, 3))


@pytest.mark.parametrize("corner", [(-4.9, -3.9), (99.9, -3.9), (-4.9, 49.9), (99.9, 49.9)])
def test_a_target_across_two_borders_is_fine_until_it_leaves_one(corner: tuple[float, float]) -> None:
    check_target(Box(*corner, 5, 4), (50, 100, 3))
    outwards = [0.2 if place > 0 else -0.2 for place in corner]
    for x, y in ((outwards[0], 0), (0, outwards[1])):
        with pytest.raises(BadInput, match="outside the 100x50 frame"):
            check_target(Box(corner[0] + x, corner[1] + y, 5, 4), (50, 100, 3))
