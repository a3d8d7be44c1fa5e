"""A grid of configurations from a TOML file, and the table of their scores.

``[base]`` holds options of every run, ``[grid]`` lists whose every combination is one run, and each
``[[run]]`` one run with a ``name``. Options are those of ``cdedge evaluate``, dashes or underscores alike.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdedge.options import listed
from cdedge_export.options import ExportOptions, spelled
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import write_whole
from cdedge_runtime.record import from_json

from .configuration import Configuration, full_path, resolved
from .summary import Summary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

_PATHS = ("model", "peer_model")
_OUTER: dict[str, type] = {"protocol": str, "threads": int}
_MADE = spelled()
_JSON, _CSV = "sweep.json", "sweep.csv"
_MOST_RUNS = 10_000  # nobody waits for more
_LONGEST_NAME_BYTES = 255  # of what Linux's file systems hold

Table = dict[str, Any]


@dataclass(frozen=True)
class SweepRun:
    """One configuration of a sweep, the name of its folder, and the options that were varied."""

    name: str
    configuration: Configuration
    varied: dict[str, object]


def read_sweep(path: Path, base: Configuration) -> tuple[SweepRun, ...]:
    """Read a sweep file; ``base`` holds where it says nothing.

    Raises `Usage` or `BadInput`.
    """
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of 5,000 digits, tables in tables
        raise BadInput(f"{path}: not TOML: {error}") from error
    unknown = sorted(set(content) - {"base", "grid", "run"})
    if unknown:
        raise Usage(f"{path}: expected [base], [grid] and [[run]], got {', '.join(unknown)}")
    common = _options(path, _table(path, "[base]", content.get("base", {})))
    named = [*_grid(path, _table(path, "[grid]", content.get("grid", {}))), *_runs(path, content.get("run", []))]
    if not named:
        raise Usage(f"{path}: nothing to run, expected a [grid] of lists or a [[run]] with a name")
    _check_names(path, [name for name, _ in named])
    return tuple(SweepRun(name, _applied(base, {**common, **own}), own) for name, own in named)


def write_table(folder: Path, rows: list[Table]) -> None:
    """Write ``sweep.json`` and ``sweep.csv``, one row per configuration."""
    text = json.dumps({"schema": "cdedge.sweep/1", "runs": rows}, indent=1) + "\n"
    write_whole(folder / _JSON, text.encode())
    names = list(dict.fromkeys(key for row in rows for key in row))
    lines = io.StringIO()
    writer = csv.DictWriter(lines, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(folder / _CSV, lines.getvalue().encode())


def read_names(folder: Path) -> list[str]:
    """Names of the runs in a sweep's table, in its order; none where there is no table yet. Raises `BadInput`."""
    path = folder / _JSON
    if not path.is_file():
        return []
    try:
        return [str(row["name"]) for row in from_json(path.read_text())["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: damaged: {error}; remove it, the next run of the sweep writes it again") from error


def row_of(run: SweepRun, summary: Summary) -> Table:
    """One row: the name, the varied options, the scores."""
    evaluation, speed = summary.evaluation, summary.evaluation.speed
    return {
        "name": run.name,
        **{key: _shown(key, value) for key, value in run.varied.items()},
        "sequences": len(evaluation.scores),
        "precision_20px": evaluation.mean.precision_20px,
        "auc": evaluation.mean.auc,
        "auc_low": evaluation.auc_interval[0],
        "auc_high": evaluation.auc_interval[1],
        "sr_50": evaluation.mean.sr_50,
        "fps": None if speed is None else speed.fps,
        "p50_ms": None if speed is None else speed.p50_ms,
        "p95_ms": None if speed is None else speed.p95_ms,
        "peak_over_floor_bytes": None if summary.memory is None else summary.memory.largest_over_floor_bytes,
        "failures": len(summary.failures),
    }


def _shown(key: str, value: object) -> object:
    """An option in the table, which others read: files by name, without the folders of this machine."""
    if isinstance(value, tuple):
        return "+".join(Path(v).name if key in _PATHS else v for v in value)
    return Path(str(value)).name if key in (*_PATHS, "weights") else value


def _grid(path: Path, table: Table) -> list[tuple[str, Table]]:
    lists = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
    if not lists:
        return []
    count = math.prod(map(len, lists.values()))
    if count > _MOST_RUNS:
        raise Usage(f"{path}: [grid] has {count} combinations, expected at most {_MOST_RUNS}; name single runs instead")
    combinations = (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))
    return [(_name(c), _options(path, c)) for c in combinations]


def _runs(path: Path, tables: Any) -> list[tuple[str, Table]]:
    if not isinstance(tables, list):
        raise Usage(f"{path}: expected [[run]] in two brackets, once for each run, got {tables!r:.40}")
    found = []
    for table in tables:
        own = _table(path, "[[run]]", table)
        name = own.get("name")
        if not isinstance(name, str) or not name or name.startswith(".") or not name.isprintable() or "/" in name:
            raise Usage(f"{path}: each [[run]] needs a name that can be a folder, got {name!r:.40}")
        found.append((name, _options(path, {k: v for k, v in own.items() if k != "name"})))
    return found


def _table(path: Path, name: str, value: Any) -> Table:
    if not isinstance(value, dict):
        raise Usage(f"{path}: expected {name} as a table of options, got {value!r:.40}")
    return value


def _check_names(path: Path, names: list[str]) -> None:
    """Raise `Usage` for runs whose folders would be one, would be too long a name, or lie where the table does."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise Usage(f"{path}: two runs are named {twice}")
    for name in names:
        if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
            raise Usage(
                f"{path}: the run {name[:40]}... has too long a name for a folder; make it a [[run]] with a name"
            )
        if name in (_JSON, _CSV):
            raise Usage(f"{path}: a run cannot be named {name}, which is the table beside the runs")


def _name(values: Table) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items()).replace("/", "_")


def _options(path: Path, table: Table) -> Table:
    return dict(_option(path, key, value) for key, value in table.items())


def _option(path: Path, key: str, value: object) -> tuple[str, object]:
    name = key.replace("-", "_")
    name = _MADE.get(name, name)
    if name in _PATHS:
        return name, _paths(path, name, value)
    if name in _OUTER:
        if type(value) is not _OUTER[name]:
            raise Usage(f"{path}: {key} = {value!r}: expected a {_OUTER[name].__name__}")
        return name, value
    if name not in _MADE.values():
        raise Usage(f"{path}: unknown option {key!r}, expected one of: {', '.join((*_MADE, *_PATHS, *_OUTER))}")
    taken: Any = tuple(value.split()) if name == "settings" and isinstance(value, str) else value
    try:
        made = resolved(replace(ExportOptions(), **{name: taken}))
    except Usage as error:
        raise Usage(f"{path}: {error}") from error
    return name, getattr(made, name)


def _paths(path: Path, name: str, value: object) -> object:
    if not isinstance(value, str):
        raise Usage(f"{path}: {name} = {value!r}: expected a str")
    return full_path(value) if name == "model" else tuple(map(full_path, listed(f"{path}: {name} =", value)))


def _applied(base: Configuration, options: Table) -> Configuration:
    made = replace(base.tracker.made, **{k: v for k, v in options.items() if k in _MADE.values()})
    tracker = replace(base.tracker, made=made, **{k: v for k, v in options.items() if k in _PATHS})
    return replace(base, tracker=tracker, **{k: v for k, v in options.items() if k in _OUTER})
