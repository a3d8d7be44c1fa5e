"""How far a mean over sequences would move with other sequences: percentile bootstrap (Efron 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cdedge_runtime.errors import BadInput

_CHUNK = 1_000_000  # resampled values held at a time


@dataclass(frozen=True)
class Difference:
    """Mean difference of paired values with its interval."""

    mean: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether no difference at all lies inside the interval."""
        return self.low <= 0 <= self.high


def bootstrap_interval(
    values: ArrayLike, *, seed: int, samples: int = 10_000, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of ``values`` (one per sequence) over resampled sequences.

    Raises `BadInput` for no values or values that are not finite.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or not np.isfinite(data).all():
        raise BadInput(f"an interval needs one finite value per sequence, got shape {data.shape}")
    if not 0 < level < 1 or samples < 1:
        raise BadInput(f"expected 0 < level < 1 and samples >= 1, got {level} and {samples}")
    low, high = np.quantile(_means(data, seed, samples), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    first: ArrayLike, second: ArrayLike, *, seed: int, samples: int = 10_000, level: float = 0.95
) -> Difference:
    """Mean of ``first - second``, both over the same sequences in the same order, with its interval."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise BadInput(f"paired values are of the same sequences, got {a.shape} and {b.shape}")
    low, high = bootstrap_interval(a - b, seed=seed, samples=samples, level=level)
    return Difference(float((a - b).mean()), low, high)


def _means(data: NDArray[np.float64], seed: int, samples: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // data.size)
    sizes = [min(chunk, samples - start) for start in range(0, samples, chunk)]
    return np.concatenate([data[random.integers(data.size, size=(n, data.size))].mean(axis=1) for n in sizes])
