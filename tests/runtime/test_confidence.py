from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.filter.fourier import psr


def bump(height: float, noise: float, at: tuple[int, int] = (0, 0)) -> np.ndarray:
    rows, columns = (np.fft.fftfreq(32) * 32,) * 2
    peak = height * np.exp(-0.5 * (rows[:, None] ** 2 + columns[None] ** 2) / 4)
    ripple = noise * np.random.default_rng(3).standard_normal((32, 32))
    return np.roll(peak + ripple, at, axis=(0, 1)).astype(np.float32)


def test_a_sharper_peak_scores_higher() -> None:
    assert psr(bump(1.0, 0.05)) > 2 * psr(bump(1.0, 0.3))


def test_where_the_peak_is_does_not_matter() -> None:
    assert psr(bump(1.0, 0.1, at=(9, 30))) == pytest.approx(psr(bump(1.0, 0.1)), rel=1e-4)


def test_scale_does_not_matter_and_a_constant_scores_zero() -> None:
    response = bump(1.0, 0.1)
    assert psr(response * 7) == pytest.approx(psr(response), rel=1e-4)
    assert psr(np.ones((32, 32), np.float32)) == 0


def test_psr_by_hand() -> None:
    response = np.tile(np.array([[0.0, 2.0]], np.float32), (32, 16))
    response[5, 5] = 11.0
    assert psr(response) == pytest.approx(10.0, rel=1e-2)  # sidelobe mean 1, std 1


@pytest.mark.parametrize("shape", [(32, 32), (7, 40)])
def test_psr_is_that_of_the_cells_outside_a_wrapped_block(shape: tuple[int, int]) -> None:
    response = np.random.default_rng(4).standard_normal(shape).astype(np.float32)
    row, column = divmod(int(response.argmax()), shape[1])
    near = [np.abs((np.arange(n) - at + n // 2) % n - n // 2) for n, at in zip(shape, (row, column), strict=True)]
    reach = [min(5, n // 4) for n in shape]
    outside = response[(near[0] > reach[0])[:, None] | (near[1] > reach[1])[None, :]].astype(float)
    assert psr(response) == pytest.approx((response.max() - outside.mean()) / outside.std(), rel=1e-6)
