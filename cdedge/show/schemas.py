"""JSON schemas of answers of ``--json``, made from the records that are answered.

``python -m cdedge.show.schemas docs/schemas`` writes the published files.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdedge.answer import ERROR_SCHEMA
from cdedge.choosing.choose import SELECT_SCHEMA, SelectAnswer
from cdedge.doctor.facts import Facts, Finding
from cdedge.planning.budget import PLAN_SCHEMA, PlanReport
from cdedge.serve.state import STATE_SCHEMA, State
from cdedge.show.bench_tables import BENCH_SCHEMA, PREDICT_SCHEMA, Answer, Checked, Compared
from cdedge_export.onnx_net.taps import LAYERS_SCHEMA, LayersAnswer
from cdedge_runtime.files import write_whole
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.soak_report import SoakReport
from cdedge_runtime.measure.warm import WarmReport

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def answers() -> dict[str, Mapping[str, Any]]:
    """Per schema the types of its fields, ``schema`` itself left out."""
    return {
        ERROR_SCHEMA: {"error": str, "text": str, "field": str | None, "exit_code": int},
        BENCH_SCHEMA: {**typing.get_type_hints(BenchReport), "compared": Compared | None, "prediction": Checked | None},
        PREDICT_SCHEMA: typing.get_type_hints(Answer),
        PLAN_SCHEMA: typing.get_type_hints(PlanReport),
        LAYERS_SCHEMA: typing.get_type_hints(LayersAnswer),
        SELECT_SCHEMA: typing.get_type_hints(SelectAnswer),
        "cdedge.serve/1": {"address": str},
        STATE_SCHEMA: typing.get_type_hints(State),
        "cdedge.soak/1": typing.get_type_hints(SoakReport),
        "cdedge.report/1": {"page": str, "bytes": int, "left_out": dict[str, str]},
        "cdedge.warm/1": {"model": str, **typing.get_type_hints(WarmReport)},
        "cdedge.doctor/1": {"findings": dict[str, Finding], "facts": Facts},
    }


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
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), records)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
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
    return {"type": _PLAIN[kind]}


def _record(kind: type, records: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in records:
        records[kind.__name__] = {}  # keeps its place, before the records it is made of
        fields = {name: _schema(hint, records) for name, hint in typing.get_type_hints(kind).items()}
        records[kind.__name__] = {"description": inspect.getdoc(kind), **_object(fields)}
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in answers():
        write_whole(folder / file_name(name), file_text(name).encode())


if __name__ == "__main__":
    _main()
