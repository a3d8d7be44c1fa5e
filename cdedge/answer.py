"""The answer of ``--json``: one object on stdout, be it the result or the error."""

from __future__ import annotations

import json
import sys
from typing import Any

from cdedge_runtime.record import encode

ERROR_SCHEMA = "cdedge.error/1"

_given: list[str] = []  # the schemas of this command's answers


def emit_json(schema: str, value: dict[str, Any]) -> None:
    """One JSON object on stdout with its ``schema``; infinities and NaN become null."""
    sys.stdout.write(json.dumps(_finite({"schema": schema, **encode(value)})) + "\n")
    _given.append(schema)


def emit_error(kind: str, text: str, *, exit_code: int, field: str | None = None) -> None:
    """The error as the answer, unless one was given: a result that came before the error stays alone on stdout."""
    if not _given:
        emit_json(ERROR_SCHEMA, {"error": kind, "text": text, "field": field, "exit_code": exit_code})


def begin() -> None:
    """Begin a command, which has given no answer yet."""
    _given.clear()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
