from __future__ import annotations

import math

from cdedge_runtime.trackers.deepcd.tracker import place

SHAPE = (120, 200, 3)


def test_the_nearest_place_comes_first_and_all_come() -> None:
    places = [place(SHAPE, 80, (150, 30), visit) for visit in range(100)]
    distances = [math.dist(p, (150, 30)) for p in places]
    total = places.index(places[0], 1)
    assert distances[:total] == sorted(distances[:total])
    assert len(set(places[:total])) == total


def test_every_point_of_the_frame_is_within_a_window() -> None:
    places = {place(SHAPE, 80, (0, 0), visit) for visit in range(100)}
    for x in range(0, 200, 10):
        for y in range(0, 120, 10):
            assert any(abs(x - px) <= 40 and abs(y - py) <= 40 for px, py in places)


def test_a_window_larger_than_the_frame() -> None:
    assert {place(SHAPE, 1000, (50, 50), visit) for visit in range(9)} == {(0, 0), (200, 0), (0, 120), (200, 120)}
