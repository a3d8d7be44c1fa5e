"""Friendliness on channels whose order is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_export.choose.rank import RANKS, rank_scores, target_part

STRONG_STABLE, STRONG_UNSTABLE, WEAK_STABLE, WEAK_UNSTABLE, DEAD, LOUDEST = range(6)


def two_frames() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((6, 12, 12)).astype(np.float32)
    base *= np.array([4, 4, 1, 1, 0, 8], np.float32)[:, None, None]
    change = (
        rng.standard_normal(base.shape).astype(np.float32)
        * np.array([0.4, 2.0, 0.1, 0.5, 0, 0.8], np.float32)[:, None, None]
    )
    return base, base + change


def order(rank: str) -> list[int]:
    first, second = two_frames()
    return [int(i) for i in np.argsort(-rank_scores(rank, first, second, layers=[slice(0, 6)]))]


def test_rel_prefers_stable_then_strong_and_puts_dead_channels_last() -> None:
    ranking = order("rel")
    assert ranking.index(STRONG_STABLE) < ranking.index(STRONG_UNSTABLE)
    assert ranking.index(WEAK_STABLE) < ranking.index(WEAK_UNSTABLE)
    assert ranking.index(STRONG_STABLE) < ranking.index(WEAK_STABLE)
    assert ranking[0] == LOUDEST  # s = 1 leaves nothing to weigh: r = 0
    assert ranking[-1] == DEAD


def test_the_printed_formula_prefers_the_unstable_and_strong() -> None:
    """With s below 1 the paper's ``r = (s - 1) t`` grows with instability, against its text: t is minus a square."""
    first, second = two_frames()
    scores = rank_scores("paper-l2", first, second, layers=[slice(0, 6)])
    assert scores[STRONG_UNSTABLE] > scores[STRONG_STABLE] > scores[DEAD]


def test_the_formulas_by_hand() -> None:
    first = np.full((1, 2, 2), 3.0, np.float32)
    second = np.full((1, 2, 2), 1.0, np.float32)
    assert RANKS["paper-l2"](first, second)[0] == pytest.approx((6 / 4 - 1) * -16)
    assert RANKS["paper-l1"](first, second)[0] == pytest.approx((3 - 1) * -16)
    assert RANKS["energy"](first, second)[0] == pytest.approx((36 + 4) / 2)
    assert RANKS["snr"](first, second)[0] == pytest.approx(20 / 16)


def test_layers_are_compared_within_themselves() -> None:
    first, second = two_frames()
    loud = rank_scores(
        "rel",
        np.concatenate([first, 100 * first]),
        np.concatenate([second, 100 * second]),
        layers=[slice(0, 6), slice(6, 12)],
    )
    np.testing.assert_allclose(loud[:6], loud[6:], rtol=1e-5)


def test_random_is_seeded() -> None:
    first, second = two_frames()
    a, b, c = (rank_scores("random", first, second, layers=[slice(0, 6)], seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_the_target_is_the_central_part() -> None:
    maps = np.zeros((1, 32, 32), np.float32)
    maps[:, 12:20, 12:20] = 1
    part = target_part(maps, 4.0)
    assert part.shape == (1, 8, 8)
    assert part.min() == 1
