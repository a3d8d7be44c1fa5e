from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from cdedge_runtime.record import decode, encode, from_json, later


@dataclass(frozen=True)
class Inner:
    name: str
    share: float | None


@dataclass(frozen=True)
class Outer:
    inner: tuple[Inner, ...]
    pair: tuple[int, float]
    mode: Literal["a", "b"]
    named: dict[str, Inner]
    flag: bool


VALUE = Outer((Inner("x", None), Inner("y", 0.5)), (3, 1.5), "a", {"k": Inner("z", 2.0)}, True)


@pytest.mark.parametrize(
    "text", ["", "[" * 200_000, '{"a":' * 100_000, "NaN", "[-Infinity]", "1e999", "9" * 5000, "9" * 20]
)
def test_what_is_no_json_of_ours_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        from_json(text)


def test_round_trip() -> None:
    assert decode(Outer, encode(VALUE)) == VALUE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "c"}, r"Outer\.mode: expected one of"),
        ({"pair": [1]}, r"Outer\.pair: expected 2 items"),
        ({"pair": [1.5, 2]}, r"Outer\.pair\[0\]: expected int"),
        ({"flag": 1}, r"Outer\.flag: expected bool"),
        ({"inner": [{"name": "x"}]}, r"Outer\.inner\[0\]: expected the fields"),
        ({"inner": "no"}, r"Outer\.inner: expected a list"),
        ({"named": []}, r"Outer\.named: expected an object"),
        ({"extra": 1}, "expected the fields"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(Outer, {**encode(VALUE), **change})


@dataclass(frozen=True)
class Grown:
    inner: Inner
    added: str = later("plain")


def test_a_field_that_came_later_may_be_missing_and_is_left_out_where_it_says_nothing_new() -> None:
    old = {"inner": {"name": "x", "share": 1.0}}
    assert decode(Grown, old) == Grown(Inner("x", 1.0), "plain")
    assert encode(Grown(Inner("x", 1.0)), brief=True) == old
    assert encode(Grown(Inner("x", 1.0))) == {**old, "added": "plain"}
    other = Grown(Inner("x", 1.0), "other")
    assert decode(Grown, encode(other, brief=True)) == other
    with pytest.raises(ValueError, match="expected the fields"):
        decode(Grown, {**old, "more": 1})


def test_whole_numbers_serve_as_floats_but_booleans_do_not() -> None:
    assert decode(Inner, {"name": "x", "share": 1}) == Inner("x", 1.0)
    with pytest.raises(ValueError, match="a number"):
        decode(Inner, {"name": "x", "share": True})
