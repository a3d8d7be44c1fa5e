"""Slopes with intervals, and verdicts, on samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.measure.soak_report import Slope, counts_grow, drift, slope, verdict_of

FRAMES = list(range(100, 20_100, 100))


def test_an_exact_line_is_found_exactly() -> None:
    found = slope(FRAMES, [5e7 + 3.0 * f for f in FRAMES])
    assert found is not None
    assert found.per_1000 == pytest.approx(3000)
    assert found.high - found.low < 1


def test_the_first_half_is_warm_up() -> None:
    found = slope(FRAMES, [min(f, 9_000) * 1000.0 for f in FRAMES])
    assert found == Slope(0.0, 0.0, 0.0)


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_the_interval_holds_the_truth_as_often_as_it_says(correlation: float) -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        noise = rng.normal(0, 1e5, len(FRAMES))
        for i in range(1, len(noise)):
            noise[i] += correlation * noise[i - 1]
        found = slope(FRAMES, (5e7 + 2.0 * np.array(FRAMES) + noise).tolist())
        assert found is not None
        hits += found.low <= 2000 <= found.high
    assert 0.88 <= hits / 400 <= 1


def test_a_few_pages_are_no_certain_slope() -> None:
    pages = [sum(f > start for start in (12_000, 14_500, 16_000, 19_000)) for f in FRAMES]
    found = slope(FRAMES, [4096.0 * p for p in pages])
    assert found is not None
    assert found.low < 4096 * 4 / 10 < found.high
    assert found.high - found.low > 4096 * 0.3


def test_a_page_per_1000_frames_is_certain_in_a_long_run() -> None:
    rng = np.random.default_rng(3)
    frames = list(range(500, 200_500, 500))
    found = slope(frames, (4096.0 * np.cumsum(rng.poisson(0.5, len(frames)))).tolist())
    assert found is not None
    assert 2000 < found.low < 4096 < found.high < 6500


def test_too_few_samples_say_nothing() -> None:
    assert slope([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]) is None
    assert drift([1.0] * 7) is None
    assert not counts_grow([1, 2, 3])


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (None, "unclear"),
        (Slope(10, 5, 15), "leak"),
        (Slope(2, -1, 3), "steady"),
        (Slope(-10, -15, -5), "steady"),
        (Slope(4, 1, 7), "unclear"),
    ],
)
def test_verdicts(found: Slope | None, verdict: str) -> None:
    assert verdict_of(found, 4.0, over_frames=10**9) == verdict


def test_a_few_pages_of_a_short_run_are_no_leak_and_the_same_rate_of_a_long_one_is() -> None:
    settling = Slope(13_738, 6_023, 21_452)  # as measured over 1,500 frames of a fresh process
    assert verdict_of(settling, 4096, over_frames=1_500) == "unclear"
    assert verdict_of(settling, 4096, over_frames=100_000) == "leak"


def test_counts_that_only_jump_do_not_grow() -> None:
    assert counts_grow(list(range(40)))
    assert not counts_grow([5] * 40)
    assert not counts_grow([5, 7] * 20)
    assert not counts_grow([5] * 8 + [9] * 32)


def test_latency_drift_is_of_medians() -> None:
    assert drift([9.0] * 10 + [10.0] * 10 + [11.0] * 10 + [12.0] * 9 + [99.0]) == pytest.approx(0.2)
