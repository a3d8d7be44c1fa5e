"""How results are shown: tables or one JSON object on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cdedge_runtime.record import encode

if TYPE_CHECKING:  # the doctor shows its findings where OpenCV is broken
    from cdedge_runtime.sources.frames import Source

talk = Console(stderr=True, highlight=False)
# A pipe has no width; do not cut its lines at 80 columns.
result = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def say(text: str) -> None:
    """One line of talk on stderr."""
    talk.print(text, markup=False)


def introduce(source: Source) -> None:
    """Say what is worth knowing of a source before work starts."""
    for note in source.notes:
        say(note)


def emit_json(schema: str, value: dict[str, Any]) -> None:
    """One JSON object on stdout with its ``schema``; infinities and NaN become null."""
    sys.stdout.write(json.dumps(_finite({"schema": schema, **encode(value)})) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table on stdout; the first column is left-aligned, the others right."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    result.print(table)


def show_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Name and value pairs on stdout."""
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, value)
    result.print(table)


def size(count: int | None) -> str:
    """Bytes for people: decimal units, three figures."""
    if count is None:
        return "not readable"
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(count) >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count} B"


def number(count: float) -> str:
    """Large counts for people: 86.7 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= limit:
            return f"{count / limit:.3g}{unit}"
    return f"{count:.3g}"
