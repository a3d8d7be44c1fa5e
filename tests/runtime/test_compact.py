"""The cropped filter against a dense float64 solution, its memory, and its preparation of features."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.filter.compact import (
    CompactFilter,
    SampleMemory,
    channel_gain,
    conjugate_gradients,
    label_for,
    prepared,
)
from cdedge_runtime.filter.dft import Dft
from cdedge_runtime.filter.fourier import peak
from cdedge_runtime.filter.shapes import support_cells

GRID, SUPPORT, CHANNELS = (11, 9), (4, 3), 2


def samples(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, CHANNELS, *GRID)).astype(np.float32)


def dense_solution(maps: np.ndarray, weights: np.ndarray, label: np.ndarray, ridge: float) -> np.ndarray:
    """Least squares over the filter's cells, every shift written out as a row."""
    cells = GRID[0] * GRID[1]
    normal = ridge * np.eye(CHANNELS * SUPPORT[0] * SUPPORT[1])
    wanted = np.zeros(len(normal))
    for x, weight in zip(maps.astype(np.float64), weights, strict=True):
        rows = np.stack(
            [
                np.roll(x, (-r, -c), axis=(1, 2))[:, : SUPPORT[0], : SUPPORT[1]].ravel()
                for r in range(GRID[0])
                for c in range(GRID[1])
            ]
        )
        normal += weight * rows.T @ rows
        wanted += weight * rows.T @ label.reshape(cells)
    return np.linalg.solve(normal, wanted).reshape(CHANNELS, *SUPPORT)


def test_training_solves_the_cropped_least_squares() -> None:
    maps, ridge, rate = samples(3), 0.7, 0.25
    label = label_for(GRID, SUPPORT, 1.3)
    spectra = Dft(GRID).forward(maps)
    spectrum = Dft(GRID).forward(label)
    learned = CompactFilter(Dft(GRID, SUPPORT), spectrum, ridge=ridge, memory=3, first=spectra[0], iterations=60)
    np.testing.assert_allclose(learned.weights, dense_solution(maps[:1], np.ones(1), label, ridge), atol=1e-4)
    for spectrum in spectra[1:]:
        learned.learn(spectrum, rate, 60)
    weights = np.array([(1 - rate) ** 2, rate * (1 - rate), rate])
    np.testing.assert_allclose(learned.memory.weights, weights, rtol=1e-5)
    np.testing.assert_allclose(learned.weights, dense_solution(maps, weights, label, ridge), atol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (2, -3), (-4, 1)])
def test_the_response_follows_the_target(rows: int, columns: int) -> None:
    grid, support = (25, 25), (9, 9)
    maps = np.random.default_rng(2).standard_normal((4, *grid)).astype(np.float32)
    window = Dft(grid)
    label = window.forward(label_for(grid, support, 1.5))
    learned = CompactFilter(Dft(grid, support), label, ridge=1.0, memory=1, first=window.forward(maps), iterations=60)
    still = peak(learned.respond(window.forward(maps), window))
    moved = peak(learned.respond(window.forward(np.roll(maps, (rows, columns), axis=(1, 2))), window))
    assert (round(still[0]) % 25, round(still[1]) % 25) == (8, 8)
    assert (moved[0] - still[0] - rows + 12) % 25 == pytest.approx(12, abs=1e-3)
    assert (moved[1] - still[1] - columns + 12) % 25 == pytest.approx(12, abs=1e-3)


@pytest.mark.parametrize("support", [(4, 4), (5, 4), (5, 5)])
def test_the_label_peaks_where_a_centred_target_answers(support: tuple[int, int]) -> None:
    label = label_for((12, 12), support, 1.0)
    rows, columns, _ = peak(label)
    assert (rows, columns) == (
        pytest.approx((12 - support[0]) / 2, abs=1e-3),
        pytest.approx((12 - support[1]) / 2, abs=1e-3),
    )


def test_support_is_bounded_by_the_grid_and_three_cells() -> None:
    assert support_cells((10, 20), 1.5, (48, 48)) == (15, 30)
    assert support_cells((0.5, 60), 1.5, (48, 48)) == (3, 48)


def test_memory_weights_always_sum_to_one_and_the_first_sample_stays() -> None:
    memory = SampleMemory(3, np.full((1, 8, 8), 100, np.complex64))
    for value in range(10):
        memory.add(np.full((1, 8, 8), value, np.complex64), 0.1)
        assert memory.weights.sum() == pytest.approx(1, abs=1e-5)
    assert memory.spectra[0, 0, 0, 0] == 100
    assert memory.spectra[:, 0, 0, 0].real.max() == 100


def test_merging_keeps_the_weighted_mean() -> None:
    memory = SampleMemory(4, np.full((1, 8, 8), 5, np.complex64))
    values = [1.0, 2.0, 9.0, 9.5, 3.0]
    mean = 5.0
    for value in values:
        memory.add(np.full((1, 8, 8), value, np.complex64), 0.2)
        mean = 0.8 * mean + 0.2 * value
    assert float((memory.weights * memory.spectra[:, 0, 0, 0].real).sum()) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("size", [1, 2])
def test_a_memory_of_one_or_two_keeps_the_newest(size: int) -> None:
    memory = SampleMemory(size, np.zeros((1, 8, 8), np.complex64))
    for value in (1, 2, 3):
        memory.add(np.full((1, 8, 8), value, np.complex64), 0.5)
    assert memory.spectra[-1, 0, 0, 0] == 3


def test_conjugate_gradients_solve_in_as_many_steps_as_unknowns() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((6, 6))
    matrix = (root @ root.T + np.eye(6)).astype(np.float32)
    wanted = rng.standard_normal(6).astype(np.float32)
    found = conjugate_gradients(lambda h: matrix @ h, wanted, np.zeros(6, np.float32), 6)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, wanted), rtol=2e-3, atol=1e-4)


def test_a_singular_product_ends_the_search_without_nan() -> None:
    found = conjugate_gradients(np.zeros_like, np.ones(3, np.float32), np.zeros(3, np.float32), 5)
    np.testing.assert_array_equal(found, np.zeros(3))


def test_black_frames_give_a_filter_without_nan() -> None:
    maps = prepared(np.zeros((CHANNELS, *GRID), np.float32), 0.5)
    spectrum = Dft(GRID).forward(maps * channel_gain(maps))
    learned = CompactFilter(
        Dft(GRID, SUPPORT),
        Dft(GRID).forward(label_for(GRID, SUPPORT, 1.0)),
        ridge=0.05,
        memory=2,
        first=spectrum,
        iterations=5,
    )
    learned.learn(spectrum, 0.1, 3)
    assert np.isfinite(learned.weights).all()


@pytest.mark.parametrize("power", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("in_place", [False, True])
def test_features_of_both_signs_keep_them(power: float, in_place: bool) -> None:
    features = np.random.default_rng(5).normal(size=(CHANNELS, *GRID)).astype(np.float32)
    raised = np.sign(features) * np.abs(features) ** power
    maps = prepared(features, power, out=features if in_place else None)
    np.testing.assert_allclose(maps, raised - raised.mean((1, 2), keepdims=True), atol=1e-6)
    assert (maps is features) == in_place


def test_prepared_channels_are_equally_strong() -> None:
    features = (
        np.random.default_rng(0).uniform(0, 1, (3, 12, 12)).astype(np.float32) * np.array([1, 50, 900])[:, None, None]
    )
    maps = prepared(features.astype(np.float32), 0.5)
    scaled = maps * channel_gain(maps)
    np.testing.assert_allclose(scaled.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(np.square(scaled).mean((1, 2)), 1 / 3, rtol=1e-3)
