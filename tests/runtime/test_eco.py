"""ECO on the device: its filter against a dense solution, and the tracker on generated clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.filter.compact import CompactFilter
from cdedge_runtime.filter.dft import Dft
from cdedge_runtime.filter.fourier import gaussian_label
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.opening import tracker_with
from cdedge_runtime.trackers.eco.settings import EcoSettings
from cdedge_runtime.trackers.eco.tracker import Eco, Mixture, spatial_penalty
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

GRID, CHANNELS, RATE = (7, 9), 2, 0.3  # odd: every frequency is below Nyquist


def dense_solution(maps: np.ndarray, weights: np.ndarray, label: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Least squares over all cells of the filter, every shift written out as a row; float64."""
    normal, wanted = np.diag(np.tile(ridge.ravel().astype(np.float64), CHANNELS)), np.zeros(CHANNELS * ridge.size)
    for x, weight in zip(maps.astype(np.float64), weights, strict=True):
        shifts = [np.roll(x, (-r, -c), axis=(1, 2)).ravel() for r in range(GRID[0]) for c in range(GRID[1])]
        rows = np.stack(shifts)
        normal += weight * rows.T @ rows
        wanted += weight * rows.T @ label.ravel()
    return np.linalg.solve(normal, wanted).reshape(CHANNELS, *GRID)


def test_training_solves_the_spatially_penalised_least_squares() -> None:
    maps = np.random.default_rng(0).standard_normal((3, CHANNELS, *GRID)).astype(np.float32)
    ridge = spatial_penalty(GRID, (3, 3), least=0.3, edge=1.5)
    label, dft = gaussian_label(GRID, (1.0, 1.3)), Dft(GRID)
    first, *later = dft.forward(maps)
    learned = CompactFilter(dft, dft.forward(label), ridge=ridge, memory=3, first=first, iterations=80, store=Mixture)
    np.testing.assert_allclose(learned.weights, dense_solution(maps[:1], np.ones(1), label, ridge), atol=1e-4)
    for spectrum in later:
        learned.store(spectrum, RATE)
    learned.train(80)
    weights = np.array([(1 - RATE) ** 2, RATE * (1 - RATE), RATE])
    np.testing.assert_allclose(learned.weights, dense_solution(maps, weights, label, ridge), atol=1e-4)


def test_a_sample_that_is_not_finite_leaves_the_last_good_filter(caplog: pytest.LogCaptureFixture) -> None:
    maps = np.random.default_rng(0).standard_normal((CHANNELS, *GRID)).astype(np.float32)
    dft = Dft(GRID)
    first = dft.forward(maps)
    label = dft.forward(gaussian_label(GRID, (1.0, 1.0)))
    learned = CompactFilter(dft, label, ridge=0.1, memory=2, first=first, iterations=5)
    good, answer = learned.weights.copy(), learned.respond(first, dft)
    learned.store(np.full_like(first, 1e30), 0.5)
    assert learned.memory.count == 1
    assert "left out" in caplog.text
    learned.memory.spectra[0] *= np.float32(1e19)  # its energy is still finite, training's is not
    learned.train(3)
    np.testing.assert_array_equal(learned.weights, good)
    np.testing.assert_array_equal(learned.respond(first, dft), answer)
    assert "last good filter" in caplog.text


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    path = Path(tmp_path_factory.mktemp("eco")) / "eco.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker="eco", settings=EcoSettings(memory=4))))
    return Extractor(path, threads=1)


def test_it_follows_a_growing_target(features: Extractor, moving_square: MovingSquare) -> None:
    tracker = tracker_with(features)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    zooms = [1 + 0.01 * i for i in range(1, 31)]
    found = [tracker.update(moving_square.zoomed(zoom)).box for zoom in zooms]
    assert found[-1].width / moving_square.box(0).width == pytest.approx(zooms[-1], rel=0.12)
    moved = tracker.update(np.roll(moving_square.zoomed(zooms[-1]), (9, 12), axis=(0, 1))).box
    assert np.subtract(moved.center, found[-1].center) == pytest.approx((12, 9), abs=1)


class Broken:
    """Features that are not finite, as from a network that overflows, in all but the first frame."""

    provider, threads = "test", 1

    def __init__(self, features: Extractor) -> None:
        self._features, self.spec, self.broken = features, features.spec, False

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        maps = self._features(patch)
        return maps * np.float32(np.nan) if self.broken else maps


def test_features_that_are_not_finite_leave_box_and_filter(
    features: Extractor, moving_square: MovingSquare, caplog: pytest.LogCaptureFixture
) -> None:
    source = Broken(features)
    tracker = Eco(source)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    source.broken = True
    estimate = tracker.update(moving_square.frame(0))
    assert (estimate.box, estimate.score) == (moving_square.box(0), 0.0)
    assert "not finite" in caplog.text
    source.broken = False
    assert tracker.update(moving_square.frame(1)).box.iou(moving_square.box(1)) > 0.8


def test_sizes_come_from_shapes(features: Extractor, moving_square: MovingSquare) -> None:
    tracker = tracker_with(features)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    rows, columns = Dft(features.spec.grid, band=EcoSettings().band).frequencies
    spectrum = 8 * features.spec.channels * rows * columns
    assert tracker.sizes().filter_state_bytes == 5 * spectrum + 4 * features.spec.channels * 32 * 32
