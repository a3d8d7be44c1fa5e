"""CF2: its filter against dense systems and against Eq. 8, its window rule, and the tracker on generated clips."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.opening import tracker_with
from cdedge_runtime.trackers.cf2 import tracker as cf2
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from tests.conftest import CHANNELS, MovingSquare, make_spec, tiny_model_bytes

GRID, COUNT, RIDGE = (5, 6), 3, 1e-2


def random_maps(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((COUNT, *GRID)).astype(np.float32)


def label() -> np.ndarray:
    return dcf.gaussian_label(GRID, (1.0, 0.8))


def test_one_sample_is_eq_8_at_lambda_times_cells_times_channels() -> None:
    x, z, y = dcf.spectrum(random_maps(0)), dcf.spectrum(random_maps(1)), dcf.spectrum(label())
    ours = cf2.respond(cf2.train(x, y, RIDGE, GRID), z, GRID)
    eq_8 = dcf.respond(z, dcf.solve(x[None], y, RIDGE * math.prod(GRID) * COUNT), GRID)
    np.testing.assert_allclose(ours, eq_8, atol=1e-6)


def test_it_is_kernel_ridge_regression_on_all_shifts() -> None:
    """The dense dual: alpha = (K + lambda)^-1 y over the m shifts of the sample, in float64."""
    x, z = random_maps(0).astype(np.float64), random_maps(1).astype(np.float64)
    shifts = [(-r, -c) for r in range(GRID[0]) for c in range(GRID[1])]
    seen, new = (np.stack([np.roll(a, s, (1, 2)).ravel() for s in shifts]) for a in (x, z))
    alpha = np.linalg.solve(seen @ seen.T / x.size + RIDGE * np.eye(len(shifts)), label().ravel().astype(np.float64))
    expected = (new @ seen.T @ alpha / x.size).reshape(GRID)
    model = cf2.train(dcf.spectrum(random_maps(0)), dcf.spectrum(label()), RIDGE, GRID)
    np.testing.assert_allclose(cf2.respond(model, dcf.spectrum(random_maps(1)), GRID), expected, atol=1e-5)


def test_alpha_and_appearance_are_interpolated_separately() -> None:
    y = dcf.spectrum(label())
    old, new = (cf2.train(dcf.spectrum(random_maps(seed)), y, RIDGE, GRID) for seed in (0, 1))
    mixed = cf2.blend(old, new, 0.25)
    np.testing.assert_allclose(mixed.alpha, 0.75 * old.alpha + 0.25 * new.alpha, rtol=1e-5)
    np.testing.assert_allclose(mixed.appearance, 0.75 * old.appearance + 0.25 * new.appearance, atol=1e-5)


def test_each_response_counts_by_its_own_maximum() -> None:
    one, other = np.zeros(GRID, np.float32), np.zeros(GRID, np.float32)
    one[0, 0], other[2, 3] = 1e-3, 1e3
    total = cf2.fused([one, other], (1.0, 0.5))
    assert total[0, 0] == pytest.approx(1)
    assert total[2, 3] == pytest.approx(0.5)


def test_a_dead_response_counts_nothing() -> None:
    dead = np.full(GRID, -1, np.float32)
    assert np.array_equal(cf2.fused([dead, 0 * dead], (1.0, 1.0)), np.zeros(GRID))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((30, 61), (85, 84)),  # h / w > 2: floor(1.4 * 61), floor(2.8 * 30)
        ((30, 60), (168, 84)),  # exactly 2 is not tall
        ((80, 70), (140, 160)),  # 5600 of 100000 px: large
    ],
)
def test_the_window_rule(size: tuple[float, float], expected: tuple[float, float]) -> None:
    assert cf2.window_px(size, (250, 400, 3)) == expected


def test_published_layers_have_published_weights() -> None:
    assert cf2.layer_weights(("34", "44", "54")) == (0.25, 0.5, 1.0)
    assert cf2.layer_weights(("11", "12", "21")) == (1.0, 1.0, 1.0)
    assert cf2.layer_weights(("fire3",)) == (1.0,)


@pytest.fixture(
    scope="module", params=[Cf2Settings(), Cf2Settings(scale="dsst", peak="subcell")], ids=["plain", "dsst"]
)
def features(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    """The tiny model as two layers of a CF2 file."""
    half = CHANNELS // 2
    taps = (Tap("11", tuple(range(half)), 64), Tap("12", tuple(range(half)), 64))
    path = Path(tmp_path_factory.mktemp("cf2")) / "cf2.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker="cf2", taps=taps, settings=request.param)))
    return Extractor(path, threads=1)


def test_sizes_come_from_shapes(features: Extractor, moving_square: MovingSquare) -> None:
    tracker = tracker_with(features)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    rows, columns = features.spec.grid
    cells = rows * (columns // 2 + 1)
    assert tracker.sizes().filter_state_bytes == 8 * cells * (features.spec.channels + 2)
