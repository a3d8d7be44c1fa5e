"""The swap search of section III-C: exchange kept for pruned channels while the energy falls.

Three objectives, all on the two frames' spectra and the label, with O(1) or O(frequencies) work per candidate:

* ``e4``: Eq. 4 with the filter given (solved on frame 1 with all channels; frame 2 is a held-out test).
* ``ncc``: the same terms, but blind to the response's amplitude, which Eq. 4 punishes in any subset.
* ``reduced``: the filter eliminated: Eq. 5's minimum over h for each candidate set, so no alternation is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter import fourier as dcf

Scores = NDArray[np.float64]
_LABEL_FLOOR = 1e-6  # frequencies where the label has less than this share of its peak power cannot matter


class Objective(Protocol):
    """An energy over sets of channels, kept up to date under swaps."""

    def select(self, kept: NDArray[np.int64]) -> None:
        """Start from this set."""

    def energy(self) -> float:
        """Energy of the current set."""

    def swapped(self, out: int) -> Scores:
        """Energy of the current set with ``out`` replaced by each channel in turn, (d,)."""

    def swap(self, out: int, into: int) -> None:
        """Replace ``out`` by ``into``."""


@dataclass(frozen=True)
class SearchResult:
    """The set found, in rank order of the seed, with the energy before and after and the swaps made."""

    kept: tuple[int, ...]
    energy_before: float
    energy_after: float
    swaps: int


def swap_search(objective: Objective, ranked: Sequence[int], *, sweeps: int = 3) -> SearchResult:
    """Improve ``ranked`` (best first): from the last element on, take the best strictly improving exchange.

    Repeats until a sweep finds no exchange, at most ``sweeps`` times. The paper says neither in which order to exchange
    nor when to end.
    """
    kept = list(ranked)
    objective.select(np.array(kept))
    before = objective.energy()
    current, swaps = before, 0
    for _ in range(sweeps):
        found = 0
        for position in reversed(range(len(kept))):
            energies = objective.swapped(kept[position])
            energies[kept] = np.inf
            best = int(energies.argmin())
            if energies[best] < current - 1e-9 * abs(current):
                objective.swap(kept[position], best)
                kept[position] = best
                current, found = objective.energy(), found + 1
        swaps += found
        if not found:
            break
    return SearchResult(tuple(kept), before, current, swaps)


def make_objective(
    name: str,
    spectra: dcf.HalfSpectrum,
    label: dcf.HalfSpectrum,
    *,
    grid: tuple[int, int],
    regularization: float,
    keep: int,
) -> Objective:
    """The objective ``e4``, ``ncc`` or ``reduced`` for spectra (2, d, Gh, Gwh) and a label (Gh, Gwh).

    ``regularization`` is lambda of Eq. 2; it enters as lambda / keep.
    """
    ridge = regularization / keep
    if name == "reduced":
        return Reduced(spectra, label, grid=grid, ridge=ridge)
    # The filter is given by frame 1 with all d channels, whose own penalty is lambda / d.
    h = dcf.solve(spectra[:1], label, regularization / spectra.shape[1])
    return GivenFilter(spectra, h, label, grid=grid, ridge=ridge, amplitude=name == "e4")


class GivenFilter:
    """Eq. 4 for a given filter, through the Gram matrix of the channels' responses.

    spectra (n, d, Gh, Gwh); labels (Gh, Gwh) for all samples or (n, Gh, Gwh).
    """

    def __init__(
        self,
        spectra: dcf.HalfSpectrum,
        g: dcf.HalfSpectrum,
        labels: dcf.HalfSpectrum,
        *,
        grid: tuple[int, int],
        ridge: float,
        amplitude: bool,
    ) -> None:
        weights = np.sqrt(dcf.half_weights(grid))
        channels = spectra.shape[1]
        terms = np.moveaxis(spectra * g * weights, 1, 0).reshape(channels, -1)
        wanted = np.broadcast_to(labels * weights, (spectra.shape[0], *spectra.shape[2:])).ravel()
        self._gram = (terms @ terms.conj().T).real.astype(np.float64)
        self._match = (terms @ wanted.conj()).real.astype(np.float64)
        self._wanted = float(np.vdot(wanted, wanted).real)
        self._cost = ridge * np.einsum("dhw,w->d", np.abs(g).astype(np.float64) ** 2, dcf.half_weights(grid))
        self._amplitude = amplitude

    def select(self, kept: NDArray[np.int64]) -> None:
        self._row = self._gram[kept].sum(axis=0)
        self._quadratic = float(self._row[kept].sum())
        self._linear = float(self._match[kept].sum())
        self._penalty = float(self._cost[kept].sum())

    def energy(self) -> float:
        return float(self._value(self._quadratic, self._linear, self._penalty))

    def swapped(self, out: int) -> Scores:
        quadratic = self._quadratic + self._step(out)
        linear = self._linear + self._match - self._match[out]
        return np.asarray(self._value(quadratic, linear, self._penalty + self._cost - self._cost[out]))

    def swap(self, out: int, into: int) -> None:
        self._quadratic += float(self._step(out)[into])
        self._linear += float(self._match[into] - self._match[out])
        self._penalty += float(self._cost[into] - self._cost[out])
        self._row = self._row + self._gram[into] - self._gram[out]

    def _step(self, out: int) -> Scores:
        """Change of a'Qa for each exchange, from u = Qa alone."""
        gram = self._gram
        return np.asarray(gram[out, out] + gram.diagonal() - 2 * gram[out] + 2 * (self._row - self._row[out]))

    def _value(self, quadratic: Scores | float, linear: Scores | float, penalty: Scores | float) -> Scores | float:
        if self._amplitude:
            return quadratic - 2 * linear + self._wanted + penalty
        return self._wanted - np.maximum(linear, 0) ** 2 / np.maximum(quadratic, 1e-12)


class Reduced:
    """The least energy any filter on the set reaches: ``L sum_w y^H (K_S + L I)^-1 y``, K_S (2, 2) per frequency."""

    def __init__(
        self, spectra: dcf.HalfSpectrum, label: dcf.HalfSpectrum, *, grid: tuple[int, int], ridge: float
    ) -> None:
        power = np.abs(label).astype(np.float64) ** 2
        used = power > _LABEL_FLOOR * power.max()
        first, second = spectra[0][:, used], spectra[1][:, used]
        self._k11 = (np.abs(first) ** 2).astype(np.float32)
        self._k22 = (np.abs(second) ** 2).astype(np.float32)
        self._k12 = (first * second.conj()).astype(np.complex64)
        weights = np.broadcast_to(dcf.half_weights(grid), label.shape)[used]
        self._power = (power[used] * weights * ridge).astype(np.float64)
        self._ridge = ridge

    def select(self, kept: NDArray[np.int64]) -> None:
        self._sum11 = self._k11[kept].sum(axis=0, dtype=np.float64)
        self._sum22 = self._k22[kept].sum(axis=0, dtype=np.float64)
        self._sum12 = self._k12[kept].sum(axis=0, dtype=np.complex128)

    def energy(self) -> float:
        return float(self._value(self._sum11, self._sum22, self._sum12))

    def swapped(self, out: int) -> Scores:
        k11 = self._k11 + (self._sum11 - self._k11[out])
        k22 = self._k22 + (self._sum22 - self._k22[out])
        k12 = self._k12 + (self._sum12 - self._k12[out])
        return self._value(k11, k22, k12)

    def swap(self, out: int, into: int) -> None:
        self._sum11 = self._sum11 + self._k11[into] - self._k11[out]
        self._sum22 = self._sum22 + self._k22[into] - self._k22[out]
        self._sum12 = self._sum12 + self._k12[into] - self._k12[out]

    def _value(self, k11: Scores, k22: Scores, k12: NDArray[np.complex128]) -> Scores:
        above = k11 + k22 + 2 * self._ridge - 2 * k12.real
        below = (k11 + self._ridge) * (k22 + self._ridge) - (k12.real**2 + k12.imag**2)
        return np.asarray((above / below) @ self._power)
