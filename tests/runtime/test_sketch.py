"""Percentiles in constant memory are those of all values, to half a percent."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.stopwatch import Sketch

_SHARES = {"p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 2, 7, 5000])
def test_percentiles_are_those_of_all_values_to_half_a_percent(count: int, seed: int) -> None:
    ns = np.exp(np.random.default_rng(seed).uniform(0, 25, count)).astype(np.int64)
    sketch = Sketch()
    for value in ns.tolist():
        sketch.add(value)
    told = sketch.stage_time()
    for name, share in _SHARES.items():
        assert getattr(told, name) == pytest.approx(np.percentile(ns, share) / 1e6, rel=0.005), name
    assert told.mean_ms == pytest.approx(ns.mean() / 1e6)
    assert told.max_ms == ns.max() / 1e6


def test_frames_without_the_stage_took_none() -> None:
    sketch = Sketch()
    sketch.add(8_000_000)
    told = sketch.stage_time(frames=4)
    assert (told.p50_ms, told.mean_ms, told.max_ms) == (0, 2, 8)


def test_nothing_is_lost_beyond_the_last_bucket() -> None:
    sketch = Sketch()
    sketch.add(10**15)
    sketch.add(0)
    assert sketch.stage_time().max_ms == 10**9
