"""The loop of CF2 and CACF, around a method that says where it wants to go."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from cdedge_runtime.trackers.window import WindowTracker, label_in_window
from tests.conftest import make_spec

GRID = (10, 16)
SIDES = (40.0, 80.0)


class Pointing:
    """Answers with a peak at ``cell``, and notes where it learns."""

    spec = make_spec(grid=GRID)
    settings = CacfSettings()

    def __init__(self, cell: tuple[int, int]) -> None:
        self.cell, self.learned = cell, list[tuple[float, float]]()

    def begin(self, _image, box, _lap) -> None:
        self.learned.append(box.center)

    def window_px(self) -> tuple[float, float]:
        return SIDES

    def respond(self, _image, _center, _lap) -> np.ndarray:
        response = np.zeros(GRID, np.float32)
        response[self.cell] = 1
        return response

    def learn(self, _image, center, _lap) -> None:
        self.learned.append(center)

    def state_bytes(self) -> int:
        return 0


def test_a_cell_is_the_windows_share_on_each_axis() -> None:
    frame, method = np.zeros((200, 300, 3), np.uint8), Pointing((2, -3))
    tracker = WindowTracker(method)
    tracker.init(frame, Box(140, 90, 20, 10))
    found = tracker.update(frame).box
    assert found == Box(140 - 3 * 80 / 16, 90 + 2 * 40 / 10, 20, 10)
    assert method.learned == [(150, 95), found.center]


def test_the_center_stays_in_the_frame() -> None:
    frame = np.zeros((200, 300, 3), np.uint8)
    tracker = WindowTracker(Pointing((-5, -8)))
    tracker.init(frame, Box(0, 0, 20, 10))
    assert [tracker.update(frame).box.center for _ in range(3)] == [(0, 0)] * 3


def test_the_label_has_its_width_in_pixels_of_the_frame() -> None:
    """sigma = 0.1 * sqrt(20 * 45) = 3 px: 0.75 cells of 4 px along y, 0.6 cells of 5 px along x."""
    label = label_in_window((20, 45), SIDES, GRID, 0.1)
    assert label[1, 0] == pytest.approx(np.exp(-0.5 / 0.75**2))
    assert label[0, 1] == pytest.approx(np.exp(-0.5 / 0.6**2))
