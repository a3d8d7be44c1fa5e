from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime import patch


def ramp() -> np.ndarray:
    rows, columns = np.mgrid[0:40, 0:60]
    return np.dstack([columns * 4, rows * 6, np.full_like(rows, 9)]).astype(np.uint8)


def test_a_window_of_the_frame_itself_is_a_copy_of_its_pixels() -> None:
    window = patch.cut(ramp(), (30.0, 20.0), 16, out=np.empty((16, 16, 3), np.uint8))
    np.testing.assert_array_equal(window, ramp()[12:28, 22:38])


def test_outside_the_border_repeats() -> None:
    window = patch.cut(ramp(), (0.0, 0.0), 16, out=np.empty((16, 16, 3), np.uint8))
    np.testing.assert_array_equal(window[:8, :8], np.broadcast_to(ramp()[0, 0], (8, 8, 3)))


def test_enlarging_keeps_the_center() -> None:
    """Pixel [i, i+1) of a linear ramp has its value at i + 1/2, at any scale."""
    window = patch.cut(ramp(), (30.0, 20.0), 8, out=np.empty((32, 32, 3), np.uint8)).astype(float)
    expected = 4 * (30 - 4 + (np.arange(32) + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(window[16, :, 0], expected, atol=1.0)


def test_a_window_that_is_not_square_is_stretched() -> None:
    """A ramp along x and y, each axis at its own scale: 8 px high to 32 rows, 32 px wide to 16 columns."""
    window = patch.cut(ramp(), (30.0, 20.0), (8.0, 32.0), out=np.empty((32, 16, 3), np.uint8)).astype(float)
    across = 4 * (14 + 2 * (np.arange(16) + 0.5) - 0.5)
    down = 6 * (16 + (np.arange(32) + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(window[16, :, 0], across, atol=1.0)
    np.testing.assert_allclose(window[:, 8, 1], down, atol=1.0)


@pytest.mark.parametrize("side", [16, 28, 32, 40])
def test_a_shrunk_window_is_averaged_first(side: int) -> None:
    """A stripe pattern finer than the averaged blocks leaves its mean."""
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, ::2] = 100
    window = patch.cut(frame, (32.0, 32.0), float(side), out=np.empty((8, 8, 3), np.uint8))
    np.testing.assert_array_equal(window, 50)


def test_only_the_axis_that_shrinks_is_averaged() -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[::2] = 100
    window = patch.cut(frame, (32.0, 32.0), (32.0, 8.0), out=np.empty((8, 8, 3), np.uint8))
    np.testing.assert_array_equal(window, 50)
    window = patch.cut(frame.transpose(1, 0, 2).copy(), (32.0, 32.0), (8.0, 32.0), out=np.empty((8, 8, 3), np.uint8))
    np.testing.assert_array_equal(window, 50)


def test_the_window_covers_the_target_times_padding() -> None:
    assert patch.window_side_px((20, 45), 4.0) == pytest.approx(4 * 30)


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[:400, :500]
    waves = 128 + 60 * np.sin(rows / 40)[..., None] + 60 * np.cos(columns[..., None] / np.array([30, 45, 60]))
    return np.clip(waves, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("center", "side"), [((250.3, 200.8), 300.4), ((201.0, 170.5), 129.5), ((260.6, 210.2), 250.0)]
)
def test_on_whole_pixels_a_window_is_nearly_the_same(center: tuple[float, float], side: float) -> None:
    frame, exact, quick = smooth(), np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256, 3), np.uint8)
    patch.cut(frame, center, side, out=exact)
    assert patch.cut_on_pixels(frame, center, side, out=quick) is quick
    assert np.abs(exact.astype(int) - quick).max() <= 3  # a pixel changes it by 2 grey levels


@pytest.mark.parametrize(
    ("center", "side"),
    [((100.2, 200.4), 300.0), ((450.7, 200.4), 300.0), ((250.2, 60.0), 200.0), ((250.2, 200.4), 90.0)],
)
def test_a_window_that_leaves_the_frame_or_is_small_is_cut_exactly(center: tuple[float, float], side: float) -> None:
    frame, exact, quick = smooth(), np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256, 3), np.uint8)
    patch.cut(frame, center, side, out=exact)
    np.testing.assert_array_equal(patch.cut_on_pixels(frame, center, side, out=quick), exact)


def test_a_window_that_is_shrunk_much_is_averaged_as_ever() -> None:
    frame, exact, quick = smooth(), np.zeros((96, 96, 3), np.uint8), np.zeros((96, 96, 3), np.uint8)
    patch.cut(frame, (250.2, 200.4), 300.0, out=exact)
    np.testing.assert_array_equal(patch.cut_on_pixels(frame, (250.2, 200.4), 300.0, out=quick), exact)
