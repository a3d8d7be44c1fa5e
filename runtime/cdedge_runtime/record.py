"""Frozen dataclasses to JSON values and back, strictly: an unknown, missing or mistyped field is an error."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .errors import BadValue, Usage

T = TypeVar("T")
_RANGE = "cdedge.range"
_LATER = "cdedge.later"
_MOST_DIGITS = 19
_NONE: Mapping[str, Any] = types.MappingProxyType({})


def encode(value: Any, *, brief: bool = False) -> Any:
    """JSON value of a dataclass made of dataclasses, tuples, dicts and plain values.

    brief: fields that came `later` are left out where they are what a record without them means, so that such a record
    stays what it was before there was the field.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: encode(item, brief=brief) for f, item in items if not (brief and _is_later(f, item))}
    if isinstance(value, (tuple, list)):
        return [encode(item, brief=brief) for item in value]
    if isinstance(value, dict):
        return {key: encode(item, brief=brief) for key, item in value.items()}
    return value


def _is_later(field: dataclasses.Field[Any], value: Any) -> bool:
    return _LATER in field.metadata and bool(value == field.default)


def from_json(text: str) -> Any:
    """The value of a JSON text, whose numbers are finite and fit 64 bits; raises `ValueError` for any other text."""
    try:
        return json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{text[:_MOST_DIGITS]}... is too large a number")
    return int(text)


def decode(kind: type[T], value: Any, path: str = "", *, narrowed: Mapping[str, Any] = _NONE) -> T:
    """Rebuild ``kind`` from a JSON value; raises `ValueError` naming the field that does not fit.

    ``narrowed`` gives the type of fields of a record ``kind`` that are declared as one of several.
    """
    path = path or getattr(kind, "__name__", "value")
    if narrowed:
        return typing.cast(T, _decode_record(kind, value, path, narrowed))
    return typing.cast(T, _decode(kind, value, path))


def _decode(kind: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _decode_record(kind, value, path, _NONE)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return _checked(value in args, value, path, f"one of {args}")
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return _checked(type(None) in args, value, path, "a value")
        return _decode(next(a for a in args if a is not type(None)), value, path)
    if origin is tuple:
        return _decode_tuple(args, value, path)
    if origin is dict:
        _checked(isinstance(value, dict), value, path, "an object")
        return {key: _decode(args[1], item, f"{path}.{key}") for key, item in value.items()}
    if kind is float:
        return float(_checked(_is_number(value), value, path, "a number"))
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return _checked(right, value, path, kind.__name__)


def _decode_record(kind: Any, value: Any, path: str, narrowed: Mapping[str, Any]) -> Any:
    hints = {**typing.get_type_hints(kind), **narrowed}
    later = {field.name for field in dataclasses.fields(kind) if _LATER in field.metadata}
    _checked(isinstance(value, dict) and set(value) | later == set(hints), value, path, f"the fields {sorted(hints)}")
    optional = {field.name for field in dataclasses.fields(kind) if field.default is None}  # None: not given
    given = {name: item for name, item in value.items() if item is not None or name not in optional}
    return kind(**{name: _decode(hints[name], item, f"{path}.{name}") for name, item in given.items()})


def _decode_tuple(args: tuple[Any, ...], value: Any, path: str) -> Any:
    _checked(isinstance(value, list), value, path, "a list")
    if len(args) == 2 and args[1] is Ellipsis:
        args = (args[0],) * len(value)
    _checked(len(args) == len(value), value, path, f"{len(args)} items")
    return tuple(_decode(a, v, f"{path}[{i}]") for i, (a, v) in enumerate(zip(args, value, strict=True)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _checked(right: bool, value: Any, path: str, wanted: str) -> Any:
    if not right:
        shown = repr(value)
        raise ValueError(f"{path}: expected {wanted}, got {shown if len(shown) < 80 else shown[:77] + '...'}")
    return value


def assigned(record: T, assignments: Sequence[str]) -> T:
    """The record with ``name=value`` texts applied; raises `Usage` for one that does not fit, or a name given twice."""
    values, given = encode(record), set[str]()
    for text in assignments:
        name, equals, value = text.partition("=")
        if name in given:
            raise Usage(f"setting {text!r}: {name} is set twice; set it once", field="settings")
        given.add(name)
        if name not in values or not equals:
            raise Usage(f"setting {text!r}: expected NAME=VALUE with one of {', '.join(values)}", field="settings")
        values[name] = value if isinstance(values[name], str) else _number(text, value, kind=type(values[name]))
    try:
        return decode(type(record), values)
    except ValueError as error:
        raise Usage(f"settings {' '.join(assignments)!r}: {error}", field="settings") from error


def _number(text: str, value: str, *, kind: type[float] | type[int]) -> float:
    try:
        return kind(value)
    except ValueError as error:
        raise Usage(f"setting {text!r}: expected {kind.__name__}, got {value!r}", field="settings") from error


def within(default: T, least: float, most: float, *, came_later: bool = False) -> T:
    """A field's default, and the range that `check_record` holds its values to, ends included.

    ``came_later``: as in `later`.
    """
    more = {_LATER: True} if came_later else {}
    return dataclasses.field(default=default, metadata={_RANGE: (least, most), **more})


def later(default: T) -> T:
    """A field's default, which records that were written before there was the field mean."""
    return dataclasses.field(default=default, metadata={_LATER: True})


def check_record(record: Any) -> None:
    """Raise `BadValue` naming the field of a frozen record whose value is of another type, or out of its range.

    Called in ``__post_init__``, so that a setting on the command line, a sweep's and a model file's meet the same.
    """
    hints = typing.get_type_hints(type(record))
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        try:
            check(hints[field.name], value, field.name)
        except ValueError as error:
            raise BadValue(str(error), field=field.name) from error
        if _RANGE not in field.metadata:
            continue
        least, most = field.metadata[_RANGE]
        if not least <= value <= most:  # so is NaN
            raise BadValue(f"{field.name}: expected {least:g} to {most:g}, got {value!r:.40}", field=field.name)


def check(hint: Any, value: Any, name: str) -> None:
    """Raise `ValueError` naming the field unless a Python ``value`` is of the type ``hint``."""
    _decode(hint, encode(value), name)
