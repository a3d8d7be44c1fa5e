from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.transform import Dft


@pytest.mark.parametrize("grid", [(12, 12), (9, 12), (12, 9), (15, 7)])
@pytest.mark.parametrize("crop", [0, 3])
def test_it_is_the_fft(grid: tuple[int, int], crop: int) -> None:
    shape = (grid[0] - crop, grid[1] - crop)
    maps = np.random.default_rng(0).standard_normal((2, 3, *shape)).astype(np.float32)
    dft = Dft(grid, shape)
    spectrum = dft.forward(maps)
    expected = np.fft.rfft2(maps, grid)
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(spectrum, expected, atol=2e-5 * np.abs(expected).max())
    back = dft.inverse(spectrum)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, maps, atol=1e-5)


def test_the_inverse_crops() -> None:
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft2(rng.standard_normal((4, 10, 8))).astype(np.complex64)
    whole = np.fft.irfft2(spectrum, (10, 8))
    np.testing.assert_allclose(Dft((10, 8), (6, 5)).inverse(spectrum), whole[:, :6, :5], atol=1e-5)
