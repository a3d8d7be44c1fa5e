"""ECO's sample memory: weights, what is merged, and what is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.trackers.eco.tracker import Mixture


def sample(value: float) -> np.ndarray:
    return np.full((1, 9, 5), value, np.complex64)


def values(memory: Mixture) -> list[float]:
    return memory.spectra[: memory.count, 0, 0, 0].real.tolist()


def filled(first: list[float], rate: float = 0.1) -> Mixture:
    memory = Mixture(len(first), sample(first[0]))
    for value in first[1:]:
        memory.add(sample(value), rate)
    return memory


def test_weights_sum_to_one_and_the_weighted_mean_is_kept() -> None:
    rng, memory, rate = np.random.default_rng(0), Mixture(4, sample(5)), 0.2
    mean = 5.0
    for value in rng.uniform(0, 10, 30):
        memory.add(sample(value), rate)
        mean = 0.8 * mean + 0.2 * value
        assert memory.weights.sum() == pytest.approx(1, abs=1e-5)
        assert float(memory.weights @ values(memory) if memory.count == 4 else mean) == pytest.approx(mean, rel=1e-4)


def test_a_sample_nearest_to_an_old_one_is_merged_into_it() -> None:
    memory = filled([0.0, 10.0, 20.0])
    weight = float(memory.weights[1])
    memory.add(sample(11), 0.1)
    kept = 0.9 * weight
    assert values(memory) == pytest.approx([0, (kept * 10 + 0.1 * 11) / (kept + 0.1), 20], rel=1e-5)
    assert memory.weights[1] == pytest.approx(kept + 0.1, rel=1e-5)


def test_else_the_two_most_alike_are_merged_and_leave_their_place() -> None:
    memory = filled([0.0, 10.0, 11.0])
    a, b = (0.9 * float(w) for w in memory.weights[1:])
    memory.add(sample(50), 0.1)
    assert sorted(values(memory)) == pytest.approx([0, (10 * a + 11 * b) / (a + b), 50], rel=1e-5)


def test_a_forgotten_sample_is_replaced_even_if_it_is_the_first() -> None:
    memory, rate = filled([0.0, 10.0], rate=0.009), 0.009
    while memory.weights[0] >= rate * (1 - rate) ** 100:
        memory.add(sample(10), rate)
    assert values(memory) == pytest.approx([0, 10], abs=1e-3)
    memory.add(sample(90), rate)
    assert values(memory) == pytest.approx([90, 10], abs=1e-3)  # merged with 0 it would be 9.96
    assert memory.weights.sum() == pytest.approx(1, abs=1e-5)


def test_a_memory_of_one_is_a_running_mean() -> None:
    memory = Mixture(1, sample(0))
    memory.add(sample(1), 0.25)
    assert values(memory) == pytest.approx([0.25])
