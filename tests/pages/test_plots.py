"""Axes and labels."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cdedge.pages.plots import Area, Axis, axis_around, beside, mark_area, place_labels, positive_axis


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.12, 0.68], (0.0, 0.2, 0.4, 0.6, 0.8)),
        ([0.5, 0.5], (0.4, 0.6)),
        ([3.0, 11.0], (2.0, 4.0, 6.0, 8.0, 10.0, 12.0)),
        ([0.0, 0.0], (0.0, 0.25)),
    ],
)
def test_ticks_are_round_and_hold_the_values(values: list[float], ticks: tuple[float, ...]) -> None:
    assert axis_around("x", values).ticks == ticks


def test_wide_spans_are_logarithmic_and_narrow_ones_start_at_zero() -> None:
    wide, narrow = positive_axis("fps", [13.0, 4449.0]), positive_axis("fps", [30.0, 60.0])
    assert wide.is_log
    assert wide.ticks == (10.0, 100.0, 1000.0, 5000.0)
    assert not narrow.is_log
    assert narrow.ticks[0] == 0


@pytest.mark.parametrize("low", [0.003, 0.1, 1.0, 7.0, 300.0])
@pytest.mark.parametrize("ratio", [1.0, 3.0, 8.0, 90.0, 1e5])
def test_all_values_lie_on_their_axis(low: float, ratio: float) -> None:
    axis = positive_axis("x", [low, low * ratio])
    assert -1e-9 <= axis.place(low) <= axis.place(low * ratio) <= 1 + 1e-9
    assert 2 <= len(axis.ticks) <= 9


@pytest.mark.parametrize(("low", "high"), [(44, 11390), (0.03, 12.7), (13, 4449), (90, 1100), (1, 1e6)])
def test_numbers_of_a_wide_axis_do_not_run_into_each_other(low: float, high: float) -> None:
    axis = positive_axis("x", [low, high])
    places = [axis.place(tick) for tick in axis.ticks]
    assert min(b - a for a, b in pairwise(places)) >= 0.12


def test_places_are_linear_or_logarithmic() -> None:
    assert Axis("x", (0.0, 10.0)).place(2.5) == pytest.approx(0.25)
    assert Axis("x", (1.0, 100.0), is_log=True).place(10) == pytest.approx(0.5)


def test_names_of_close_points_do_not_overlap() -> None:
    names = ["alpha", "beta", "gamma", "delta"]
    spots = [(200, 100), (203, 102), (206, 99), (201, 104)]
    wanted = [(name, beside(*spot)) for name, spot in zip(names, spots, strict=True)]
    labels = place_labels(wanted, Area(0, 0, 440, 300), [mark_area(*spot) for spot in spots])
    areas = []
    for label, name in zip(labels, names, strict=True):
        left = label.x - {"start": 0, "middle": 0.5, "end": 1}[label.anchor] * 6.8 * len(name)
        areas.append((left, label.y - 10, left + 6.8 * len(name), label.y + 3))
    for i, a in enumerate(areas):
        for b in areas[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_a_name_at_the_right_edge_goes_to_the_left() -> None:
    (label,) = place_labels([("tracker", beside(435, 100))], Area(0, 0, 440, 300), [mark_area(435, 100)])
    assert label.anchor == "end"
