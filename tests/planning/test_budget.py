"""Picking by a budget, and the Pareto front, on figures made by hand."""

from __future__ import annotations

import pytest

from cdedge.planning.budget import Budget, Candidate, Option, best, best_of_each, excess, front, miss_text, nearest


def option(name: str, memory: float, fps: float | None, margin: float, deep: str | None = None) -> Option:
    candidate = Candidate(name, "all", "chain", 96, "fp32", deep)
    return Option(candidate, 8, round(memory * 1e6), fps, margin, measured=True)


SMALL, MIDDLE, LARGE = option("small", 10, 300, 5.0), option("middle", 20, 100, 9.0), option("large", 40, 20, 9.1)
WORSE = option("worse", 25, 90, 8.0)  # the middle one is better in everything
ALL = (LARGE, SMALL, WORSE, MIDDLE)


def test_the_largest_margin_that_fits() -> None:
    assert best(ALL, Budget(30_000_000, 50.0)) is MIDDLE
    assert best(ALL, Budget(15_000_000, None)) is SMALL


def test_of_nearly_equal_margins_the_faster() -> None:
    assert best(ALL, Budget(None, None)) is MIDDLE
    surer = option("surer", 40, 20, 9.5)
    assert best((*ALL, surer), Budget(None, None)) is surer


def test_a_bound_that_is_just_kept_fits() -> None:
    assert excess(MIDDLE, Budget(20_000_000, 100.0)) == 0
    assert excess(MIDDLE, Budget(19_999_999, 100.0)) > 0
    assert excess(MIDDLE, Budget(20_000_000, 100.1)) > 0


def test_the_nearest_miss_counts_the_worse_bound() -> None:
    budget = Budget(8_000_000, 400.0)
    assert best(ALL, budget) is None
    assert excess(SMALL, budget) == pytest.approx(400 / 300 - 1)
    assert nearest(ALL, budget) is SMALL
    text = miss_text(budget, SMALL, 7_000_000)
    assert "33%" in text
    assert "small" in text
    assert nearest((), budget) is None
    assert "no candidate" in miss_text(budget, None, 7_000_000)


def test_smaller_inputs_are_proposed_only_where_they_can_help() -> None:
    assert "smaller inputs" in miss_text(Budget(8_000_000, None), SMALL, 7_000_000)
    assert "smaller inputs" in miss_text(Budget(None, 400.0), SMALL, 7_000_000)
    text = miss_text(Budget(7_000_000, None), SMALL, 7_000_000)
    assert "smaller" not in text.partition(";")[2]
    assert "take some 7 MB whatever the file" in text


def test_the_front_holds_what_nothing_beats_in_everything() -> None:
    assert front(ALL) == (SMALL, MIDDLE, LARGE)


def test_as_good_in_two_and_worse_in_one_is_beaten() -> None:
    assert front((MIDDLE, option("slower", 20, 99, 9.0))) == (MIDDLE,)


def test_equal_options_both_stay() -> None:
    twin = option("twin", 10, 300, 5.0)
    assert front((SMALL, twin)) == (SMALL, twin)


def test_an_unknown_rate_neither_fits_nor_misses() -> None:
    unknown = option("unknown", 10, None, 5.0)
    assert excess(unknown, Budget(10_000_000, None)) == 0
    assert best((unknown,), Budget(None, None)) is unknown


ROBUST, OTHER = option("robust", 30, 90, 4.0, deep="a.onnx"), option("other", 31, 80, 3.0, deep="a.onnx")


def test_margins_are_compared_among_files_with_the_same_deep_network() -> None:
    both = (*ALL, ROBUST, OTHER)
    assert best_of_each(both, Budget(None, None), (None, "a.onnx")) == (MIDDLE, ROBUST)
    assert best_of_each(both, Budget(None, None), ("a.onnx", None)) == (ROBUST, MIDDLE)
    assert best_of_each(both, Budget(25_000_000, None), ("a.onnx", None)) == (MIDDLE,)
    assert best_of_each(both, Budget(1, None), ("a.onnx", None)) == ()
    assert front(both) == (SMALL, MIDDLE, ROBUST, LARGE)


def test_a_name_says_what_looks() -> None:
    assert ROBUST.candidate.name == "robust & a all 96 px"
    assert Candidate("11", "0.5", "chain", 96, "fp32", "x/net.onnx", "head.onnx").name == "11 & net & head 0.5 96 px"
