"""Newton's refinement of a peak: shifts that are no whole cells come out exactly."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.filter.dft import Dft
from cdedge_runtime.filter.fourier import gaussian_label, peak
from cdedge_runtime.trackers.eco.tracker import newton_peak

GRID = (24, 20)


def moved(rows: float, columns: float) -> np.ndarray:
    """A band-limited bump whose maximum lies at (rows, columns)."""
    window = Dft(GRID, band=0.8)
    return window.inverse(window.shifted(window.forward(gaussian_label(GRID, (1.5, 1.2))), -rows, -columns))


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (3.3, -4.45), (-7.49, 6.5), (11.8, -9.9), (0.25, 0.5)])
def test_a_fractional_shift_is_found_exactly(rows: float, columns: float) -> None:
    found = newton_peak(moved(rows, columns))
    assert found[:2] == (pytest.approx(rows, abs=1e-4), pytest.approx(columns, abs=1e-4))
    assert found[2] == pytest.approx(float(moved(0, 0).max()), abs=1e-5)


def test_it_is_nearer_than_a_parabola() -> None:
    shift = (2.3, 1.35)
    newton, parabola = (
        np.hypot(f[0] - shift[0], f[1] - shift[1]) for f in (g(moved(*shift)) for g in (newton_peak, peak))
    )
    assert newton < 0.01 * parabola


def test_a_flat_response_stays_at_its_first_cell() -> None:
    assert newton_peak(np.zeros(GRID, np.float32)) == (0, 0, 0)


def test_without_steps_it_is_the_highest_cell() -> None:
    assert newton_peak(moved(3.3, -4.45), steps=0)[:2] == (3, -4)


def test_noise_never_ends_below_its_highest_cell() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        noise = rng.standard_normal(GRID).astype(np.float32)
        rows, columns, height = newton_peak(noise)
        assert height >= noise.max()
        start = np.unravel_index(noise.argmax(), GRID)
        assert abs((rows - start[0] + 12) % 24 - 12) <= 1
        assert abs((columns - start[1] + 10) % 20 - 10) <= 1


def test_maps_that_are_moved_go_where_they_are_told_to() -> None:
    window = Dft(GRID, band=1.0)
    spectrum = window.forward(gaussian_label(GRID, (1.5, 1.2))[None])
    there = np.empty_like(spectrum)
    assert window.shifted(spectrum, 1.5, -2.0, out=there) is there
    np.testing.assert_array_equal(there, window.shifted(spectrum, 1.5, -2.0))
