from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.transform import Dft


@pytest.mark.parametrize("grid", [(13, 13), (9, 13), (13, 9), (15, 7)])
@pytest.mark.parametrize("crop", [0, 3])
def test_on_odd_grids_it_is_the_fft(grid: tuple[int, int], crop: int) -> None:
    shape = (grid[0] - crop, grid[1] - crop)
    maps = np.random.default_rng(0).standard_normal((2, 3, *shape)).astype(np.float32)
    dft = Dft(grid, shape)
    spectrum = dft.forward(maps)
    expected = np.fft.fftshift(np.fft.rfft2(maps, grid), axes=-2)
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(spectrum, expected, atol=2e-5 * np.abs(expected).max())
    back = dft.inverse(spectrum)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, maps, atol=1e-5)


@pytest.mark.parametrize("grid", [(12, 12), (13, 12)])
def test_a_band_keeps_low_frequencies_only(grid: tuple[int, int]) -> None:
    rows, columns = np.mgrid[0 : grid[0], 0 : grid[1]]
    low = np.cos(2 * np.pi * (rows / grid[0] + 2 * columns / grid[1])).astype(np.float32)
    high = np.cos(2 * np.pi * (4 * rows / grid[0] + columns / grid[1])).astype(np.float32)
    dft = Dft(grid, band=0.6)
    assert dft.frequencies == (2 * 3 + 1, 3 + 1)
    np.testing.assert_allclose(dft.inverse(dft.forward(low + high)), low, atol=1e-5)


def test_the_inverse_crops() -> None:
    maps = np.random.default_rng(1).standard_normal((4, 11, 9)).astype(np.float32)
    spectrum = Dft((11, 9)).forward(maps)
    np.testing.assert_allclose(Dft((11, 9), (6, 5)).inverse(spectrum), maps[:, :6, :5], atol=1e-5)
