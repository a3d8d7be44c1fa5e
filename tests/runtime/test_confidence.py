from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.confidence import apce, psr


def bump(height: float, noise: float, at: tuple[int, int] = (0, 0)) -> np.ndarray:
    rows, columns = (np.fft.fftfreq(32) * 32,) * 2
    peak = height * np.exp(-0.5 * (rows[:, None] ** 2 + columns[None] ** 2) / 4)
    ripple = noise * np.random.default_rng(3).standard_normal((32, 32))
    return np.roll(peak + ripple, at, axis=(0, 1)).astype(np.float32)


@pytest.mark.parametrize("score", [psr, apce])
def test_a_sharper_peak_scores_higher(score) -> None:
    assert score(bump(1.0, 0.05)) > 2 * score(bump(1.0, 0.3))


@pytest.mark.parametrize("score", [psr, apce])
def test_where_the_peak_is_does_not_matter(score) -> None:
    assert score(bump(1.0, 0.1, at=(9, 30))) == pytest.approx(score(bump(1.0, 0.1)), rel=1e-4)


@pytest.mark.parametrize("score", [psr, apce])
def test_scale_does_not_matter_and_a_constant_scores_zero(score) -> None:
    response = bump(1.0, 0.1)
    assert score(response * 7) == pytest.approx(score(response), rel=1e-4)
    assert score(np.ones((32, 32), np.float32)) == 0


def test_psr_by_hand() -> None:
    response = np.tile(np.array([[0.0, 2.0]], np.float32), (32, 16))
    response[5, 5] = 11.0
    assert psr(response) == pytest.approx(10.0, rel=1e-2)  # sidelobe mean 1, std 1
