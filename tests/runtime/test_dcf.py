"""Laws of the correlation filter, on random features."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.filter import fourier as dcf

GRID = (16, 20)


def random_maps(*lead: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((*lead, *GRID)).astype(np.float32)


def label() -> dcf.HalfSpectrum:
    return dcf.spectrum(dcf.gaussian_label(GRID, (1.5, 1.5)))


def test_label_peaks_at_the_origin_and_is_symmetric() -> None:
    y = dcf.gaussian_label(GRID, (2.0, 3.0))
    assert y[0, 0] == y.max() == 1
    np.testing.assert_allclose(y, np.roll(y[::-1, ::-1], (1, 1), axis=(0, 1)), atol=1e-7)
    assert y[2, 0] == pytest.approx(np.exp(-0.5), rel=1e-6)
    assert y[0, 3] == pytest.approx(np.exp(-0.5), rel=1e-6)


def test_everything_stays_in_single_precision() -> None:
    maps = random_maps(3)
    spectrum = dcf.spectrum(maps)
    g = dcf.solve(spectrum[None], label(), 1.0)
    assert (spectrum.dtype, g.dtype) == (np.complex64, np.complex64)
    assert dcf.respond(spectrum, g, GRID).dtype == np.float32


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (3, -4), (-7, 9), (7, 2)])
def test_shifting_the_patch_shifts_the_peak(rows: int, columns: int) -> None:
    maps = random_maps(4)
    g = dcf.solve(dcf.spectrum(maps)[None], label(), 1.0)
    shifted = dcf.spectrum(np.roll(maps, (rows, columns), axis=(1, 2)))
    found_rows, found_columns, top = dcf.peak(dcf.respond(shifted, g, GRID))
    assert (found_rows, found_columns) == (pytest.approx(rows, abs=0.02), pytest.approx(columns, abs=0.02))
    assert top == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("shift", [0.3, -0.45, 0.5])
def test_the_peak_is_sub_cell(shift: float) -> None:
    columns = np.fft.fftfreq(GRID[1]) * GRID[1] - shift
    rows = np.fft.fftfreq(GRID[0]) * GRID[0]
    response = np.exp(-0.5 * (rows[:, None] ** 2 + columns[None] ** 2) / 4).astype(np.float32)
    assert dcf.peak(response)[1] == pytest.approx(shift, abs=0.03)


def test_a_flat_response_does_not_move() -> None:
    rows, columns, _ = dcf.peak(np.zeros(GRID, np.float32))
    assert (rows, columns) == (0, 0)


@pytest.mark.parametrize("weights", [None, np.array([0.2, 1.0, 3.0])])
def test_the_dual_solution_is_the_primal_one(weights: np.ndarray | None) -> None:
    """Eq. 7 with conjugates, solved c x c per frequency in float64."""
    samples = dcf.spectrum(random_maps(3, 5))
    y, lam = label(), 2.5
    w = np.ones(3) if weights is None else weights
    rows = samples.transpose(2, 3, 0, 1).astype(np.complex128)  # (Gh, Gwh, n, c)
    weighted = rows.conj().swapaxes(2, 3) * w
    targets = np.repeat(y[..., None, None], 3, axis=2)
    primal = np.linalg.solve(weighted @ rows + lam * np.eye(5), weighted @ targets)[..., 0]
    dual = dcf.solve(samples, y, lam, weights).transpose(1, 2, 0)
    np.testing.assert_allclose(dual, primal, atol=1e-5 * np.abs(primal).max())


def test_one_sample_gives_the_classic_closed_form() -> None:
    spectrum = dcf.spectrum(random_maps(4))
    expected = spectrum.conj() * label() / ((np.abs(spectrum) ** 2).sum(axis=0) + 3.0)
    np.testing.assert_allclose(dcf.solve(spectrum[None], label(), 3.0), expected, rtol=1e-4, atol=1e-6)


def test_half_weights_count_the_full_spectrum() -> None:
    for width in (20, 21):
        maps = np.random.default_rng(1).standard_normal((16, width)).astype(np.float32)
        half = np.abs(dcf.spectrum(maps)) ** 2
        full = (np.abs(np.fft.fft2(maps)) ** 2).sum()
        assert (half * dcf.half_weights((16, width))).sum() == pytest.approx(full, rel=1e-5)


def test_the_window_has_no_zero_ends() -> None:
    window = dcf.hann_window((8, 9))
    assert window.min() > 0
    np.testing.assert_allclose(window, window[::-1, ::-1], atol=1e-7)
