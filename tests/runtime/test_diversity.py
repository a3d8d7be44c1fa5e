"""The order of choice on channels whose likeness is known."""

from __future__ import annotations

import numpy as np

from cdedge_runtime.filter.channels import diverse_order, likeness


def test_the_first_is_the_best_and_every_channel_comes_once() -> None:
    rng = np.random.default_rng(0)
    scores, maps = rng.standard_normal(12), rng.standard_normal((12, 8, 8)).astype(np.float32)
    order = diverse_order(scores, likeness(maps))
    assert order[0] == scores.argmax()
    assert sorted(order) == list(range(12))


def test_without_likeness_the_score_decides() -> None:
    scores = np.array([0.3, 2.0, -1.0, 1.0])
    assert diverse_order(scores, np.eye(4, dtype=np.float32)) == [1, 3, 0, 2]


def test_a_twin_comes_after_a_weaker_stranger() -> None:
    scores = np.array([2.0, 1.9, 1.0, 0.0])
    alike = np.eye(4, dtype=np.float32)
    alike[0, 1] = alike[1, 0] = 1
    assert diverse_order(scores, alike)[:2] == [0, 2]


def test_likeness_is_the_squared_cosine() -> None:
    maps = np.zeros((4, 6, 6), np.float32)
    maps[0, 2, 2] = maps[1, 3, 3] = 1
    maps[2] = -7 * maps[0]
    expected = [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(likeness(maps), expected, atol=1e-6)


def test_equal_scores_leave_the_choice_to_likeness() -> None:
    alike = np.eye(3, dtype=np.float32)
    alike[0, 1] = alike[1, 0] = 0.5
    assert diverse_order(np.ones(3), alike) == [0, 2, 1]
