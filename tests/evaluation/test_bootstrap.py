"""Intervals over sequences."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge.evaluation.results import bootstrap_interval, paired_difference
from cdedge_runtime.errors import BadInput


def test_equal_values_have_no_spread():
    assert bootstrap_interval([0.5] * 10, seed=0) == (0.5, 0.5)


def test_the_interval_is_about_two_standard_errors_and_the_seed_decides():
    values = np.random.default_rng(3).normal(0.6, 0.2, 200)
    low, high = bootstrap_interval(values, seed=1)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert bootstrap_interval(values, seed=1) == (low, high)
    assert bootstrap_interval(values, seed=2) != (low, high)


def test_a_lower_level_is_narrower():
    values = np.linspace(0, 1, 20)
    wide, narrow = bootstrap_interval(values, seed=0), bootstrap_interval(values, seed=0, level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_pairs_see_a_small_steady_gain_that_intervals_alone_do_not():
    easy_to_hard = np.linspace(0.1, 0.9, 30)
    better = easy_to_hard + 0.02
    low, _ = bootstrap_interval(better, seed=0)
    assert low < bootstrap_interval(easy_to_hard, seed=0)[1]
    difference = paired_difference(better, easy_to_hard, seed=0)
    assert difference.mean == pytest.approx(0.02)
    assert not difference.is_noise


def test_noise_reads_as_noise():
    random = np.random.default_rng(0)
    difference = paired_difference(random.normal(size=30), random.normal(size=30), seed=0)
    assert difference.is_noise


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [[0.5]]])
def test_values_that_have_no_mean_are_refused(values):
    with pytest.raises(BadInput):
        bootstrap_interval(values, seed=0)


def test_pairs_must_be_pairs():
    with pytest.raises(BadInput, match="same sequences"):
        paired_difference([1, 2], [1], seed=0)
