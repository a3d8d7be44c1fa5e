from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.filter.dft import Dft


@pytest.mark.parametrize("grid", [(13, 13), (9, 13), (13, 9), (15, 7)])
@pytest.mark.parametrize("crop", [0, 3])
def test_on_odd_grids_it_is_the_fft(grid: tuple[int, int], crop: int) -> None:
    shape = (grid[0] - crop, grid[1] - crop)
    maps = np.random.default_rng(0).standard_normal((2, 3, *shape)).astype(np.float32)
    dft = Dft(grid, shape)
    spectrum = dft.forward(maps)
    rows = [*range(grid[0] // 2 + 1), *range(-1, -grid[0] // 2, -1)]
    expected = np.fft.rfft2(maps, grid)[..., rows, :]
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


def test_a_window_costs_nothing_and_equals_a_product_before() -> None:
    maps = np.random.default_rng(2).standard_normal((2, 7, 10)).astype(np.float32)
    sides = np.linspace(0.5, 2, 7, dtype=np.float32), np.linspace(3, -1, 10, dtype=np.float32)
    expected = Dft((7, 10), band=0.8).forward(maps * np.outer(*sides))
    np.testing.assert_allclose(Dft((7, 10), band=0.8, window=sides).forward(maps), expected, atol=1e-5)


def test_results_in_given_space_and_after_other_shapes_are_the_same() -> None:
    maps = np.random.default_rng(3).standard_normal((3, 9, 9)).astype(np.float32)
    dft = Dft((9, 9))
    first = dft.forward(maps)
    dft.inverse(dft.forward(maps[0]))
    space = np.empty_like(first)
    assert dft.forward(maps, out=space) is space
    np.testing.assert_array_equal(space, first)
