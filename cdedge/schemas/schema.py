"""JSON schemas of answers of ``--json``, made from the records that are answered."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from typing import Any

from .answers import answers

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def json_schema(name: str) -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of the answer that calls itself ``name``."""
    records: dict[str, Any] = {}
    fields = {field: _schema(hint, records) for field, hint in answers()[name].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        **_object({"schema": {"const": name}, **fields}),
        "$defs": records,
    }


def file_name(name: str) -> str:
    """The name of a published file: ``bench-1.json``."""
    return name.removeprefix("cdedge.").replace("/", "-") + ".json"


def file_text(name: str) -> str:
    """The text of a published file."""
    return json.dumps(json_schema(name), indent=1) + "\n"


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _schema(kind: Any, records: dict[str, Any]) -> dict[str, Any]:
    if kind is Any:
        return {}
    if isinstance(kind, dict):
        return _object({name: _schema(each, records) for name, each in kind.items()})
    if isinstance(kind, list):
        return {"type": "array", "items": _schema(kind[0], records)}
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), records)
    return {"type": _PLAIN[kind]} if kind in _PLAIN else _of_parts(kind, records)


def _of_parts(kind: Any, records: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type that others are put into."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(origin):
        return _filled_in(typing.cast(type, origin), args[0], records)
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(arg, records) for arg in args]}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(args[1], records)}
    if origin is tuple and args[1:] == (Ellipsis,):
        return {"type": "array", "items": _schema(args[0], records)}
    if origin is tuple:
        items = [_schema(arg, records) for arg in args]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    raise TypeError(f"{kind}: no answer of ours has this type")


def _record(kind: type, records: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in records:
        records[kind.__name__] = {}  # keeps its place, before the records it is made of
        fields = {name: _schema(hint, records) for name, hint in typing.get_type_hints(kind).items()}
        records[kind.__name__] = {"description": inspect.getdoc(kind), **_object(fields)}
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _filled_in(kind: type, argument: Any, records: dict[str, Any]) -> dict[str, Any]:
    """A generic record with its one parameter, such as a device's fact."""
    hints = typing.get_type_hints(kind)
    fields = {name: argument if isinstance(hint, typing.TypeVar) else hint for name, hint in hints.items()}
    return _object({name: _schema(hint, records) for name, hint in fields.items()})
