"""The swap search against brute force, and the energies against their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cdedge_export.choose.search import make_objective, swap_search
from cdedge_runtime.filter import fourier as dcf

GRID = (8, 10)
CHANNELS = 9
KEEP = 4
LAMBDA = 30.0


def spectra(seed: int = 0) -> dcf.HalfSpectrum:
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((CHANNELS, *GRID))
    maps = np.stack([first, first + 0.5 * rng.standard_normal(first.shape)]) * rng.uniform(0.3, 2, (CHANNELS, 1, 1))
    return dcf.spectrum(maps.astype(np.float32))


def label() -> dcf.HalfSpectrum:
    return dcf.spectrum(dcf.gaussian_label(GRID, (1.2, 1.2)))


def energy_by_definition(name: str, kept: list[int], seed: int = 0) -> float:
    """The energy of a set, written out on full spatial maps in float64."""
    f, y = spectra(seed), label()
    ridge = LAMBDA / KEEP
    if name == "reduced":
        g = dcf.solve(f[:, kept], y, ridge)
        chosen = f[:, kept]
    else:
        every = dcf.solve(f[:1], y, LAMBDA / CHANNELS)
        g, chosen = every[kept], f[:, kept]
    half = dcf.half_weights(GRID)
    response = (chosen * g).sum(axis=1)
    if name == "ncc":
        match = (half * (response * y.conj()).real).sum()
        return float(2 * (half * np.abs(y) ** 2).sum() - max(match, 0) ** 2 / (half * np.abs(response) ** 2).sum())
    data = (half * np.abs(response - y) ** 2).sum()
    return float(data + ridge * (half * np.abs(g) ** 2).sum())


def brute_force(name: str, ranked: list[int], seed: int) -> list[int]:
    """The search of section III-C with every energy computed from scratch."""
    kept = list(ranked)
    for _ in range(3):
        changed = False
        for position in reversed(range(len(kept))):
            now = energy_by_definition(name, kept, seed)
            outside = [j for j in range(CHANNELS) if j not in kept]
            trials = {
                j: energy_by_definition(name, [*kept[:position], j, *kept[position + 1 :]], seed) for j in outside
            }
            best = min(trials, key=trials.__getitem__)
            if trials[best] < now - 1e-6 * abs(now):
                kept[position], changed = best, True
        if not changed:
            break
    return kept


NAMES = ("e4", "ncc", "reduced")


@pytest.mark.parametrize("name", NAMES)
def test_the_energy_is_its_definition(name: str) -> None:
    objective = make_objective(name, spectra(), label(), grid=GRID, regularization=LAMBDA, keep=KEEP)
    kept = [1, 4, 6, 7]
    objective.select(np.array(kept))
    assert objective.energy() == pytest.approx(energy_by_definition(name, kept), rel=1e-4)


@pytest.mark.parametrize(("name", "out"), list(product(NAMES, [1, 7])))
def test_a_swap_costs_what_it_promised(name: str, out: int) -> None:
    objective = make_objective(name, spectra(), label(), grid=GRID, regularization=LAMBDA, keep=KEEP)
    objective.select(np.array([1, 4, 6, 7]))
    promised = objective.swapped(out)
    objective.swap(out, 2)
    assert objective.energy() == pytest.approx(float(promised[2]), rel=1e-5)
    swapped = [2 if c == out else c for c in (1, 4, 6, 7)]
    assert objective.energy() == pytest.approx(energy_by_definition(name, swapped), rel=1e-4)


@pytest.mark.parametrize(("name", "seed"), list(product(NAMES, range(4))))
def test_the_search_finds_what_brute_force_finds(name: str, seed: int) -> None:
    ranked = [int(i) for i in np.random.default_rng(seed).permutation(CHANNELS)[:KEEP]]
    objective = make_objective(name, spectra(seed), label(), grid=GRID, regularization=LAMBDA, keep=KEEP)
    found = swap_search(objective, ranked)
    assert list(found.kept) == brute_force(name, ranked, seed)
    assert found.energy_after <= found.energy_before
    assert (found.swaps == 0) == (found.energy_after == found.energy_before)


def test_nothing_is_exchanged_when_all_are_kept() -> None:
    objective = make_objective("reduced", spectra(), label(), grid=GRID, regularization=LAMBDA, keep=CHANNELS)
    found = swap_search(objective, list(range(CHANNELS)))
    assert found.kept == tuple(range(CHANNELS))
    assert found.swaps == 0
