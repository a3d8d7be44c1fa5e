"""Files that commands write and read again, or that people write for them: wrong values in place, or bytes damaged."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import cdedge
from cdedge.evaluation.compare import compare_folders, comparison_json
from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.runner import run
from cdedge.evaluation.sweep import read_names, read_sweep, write_table
from cdedge.show.bench_tables import read_bench
from cdedge_devices import BadProfile, load
from cdedge_export.choose.plan import load_plan
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.record import encode
from tests.evaluation.running import configure, hand_of, make_squares, perfect

from .models import damaged
from .tally import told

Rng = np.random.Generator
Verdict = tuple[str, str]
SWEEP = (
    '[base]\ntracker = "deepcd"\nthreads = 1\n[grid]\nlayers = ["11", "11+12"]\nseed = [0, 1]\nrank = "random"\n'
    '[[run]]\nname = "a"\nchannels = "0.4"\nset = "scale=none"\n[[run]]\nname = "b"\nmodel = "none.onnx"\n'
)
_WRONG = (
    None, True, -1, 0, 1, 2**70, 1.5, -1e308, "", "x", "../../x", "\x1b[31m", "\udcff", "a" * 5000, [], [[]], {},
    {"a": 1}, float("nan"), float("inf"),
)  # fmt: skip
_WORDS = (
    "1", "-1", "true", '""', '"x"', "[]", "[[1]]", "{}", "1.5", "nan", "1e400", "2024-01-01", "9" * 5000, "[" * 5000,
)  # fmt: skip


def ready(folder: Path) -> Callable[[Rng, int, Path], Verdict]:
    """The judge of files that are read back."""
    good = folder / "readback"
    if not good.exists():  # a fresh child finds it
        _make(good, next(folder.glob("deepcd*.onnx")))
    doors = _doors(good)

    def judge(rng: Rng, _number: int, place: Path) -> Verdict:
        shutil.copytree(good, place / "good")
        name = list(doors)[rng.integers(len(doors))]
        path = place / "good" / name
        path.write_bytes(_altered(path, rng))
        try:
            doors[name](path)
        except (CdedgeError, BadProfile) as error:
            return "clean", str(error)
        except Exception as error:  # noqa: BLE001 - what it looks for
            return "traceback", told(error, f"{name}: ")
        return "clean", "read"

    return judge


def _make(good: Path, model: Path) -> None:
    """Two results folders, a sweep's file and table, a bench answer, a saved choice of channels, a device's profile."""
    dataset = make_squares(good / "data", "AB")
    for name in ("one", "two"):
        run(dataset, configure(good / "data"), good / name, hand=hand_of(perfect, []))
    (good / "sweep.toml").write_text(SWEEP)
    write_table(good, [{"name": "one", "auc": 0.5}, {"name": "two", "auc": 0.25}])
    (good / "device.toml").write_text(_profile())
    report = cdedge.bench(model, source=good / "data" / "A", threads=1, repeat=1)
    answer = {"schema": "cdedge.bench/1", **encode(report), "compared": None, "prediction": None}
    (good / "bench.json").write_text(json.dumps(answer))
    made = cdedge.export(good / "data" / "A", out=good / "unused.onnx", tracker="cacf")
    made.plan.save(good / "channels.json")


def _profile() -> str:
    from importlib.resources import files

    return (files("cdedge_devices") / "profiles" / "raspberry-pi-5.toml").read_text()


def _doors(good: Path) -> dict[str, Callable[[Path], object]]:
    """Who reads each file."""
    base = replace(configure(good / "data"))
    results = [f"one/{name}" for name in ("manifest.json", "runs/A.json", "A.txt", "times/A_time.txt", "scores/A.txt")]
    return {
        **dict.fromkeys((*results, "one/failures.json"), _compared),
        "sweep.toml": lambda path: read_sweep(path, base),
        "sweep.json": lambda path: read_names(path.parent),
        "bench.json": read_bench,
        "channels.json": load_plan,
        "device.toml": load,
    }


def _compared(path: Path) -> None:
    folder = next(each for each in path.parents if each.name == "good")
    found = compare_folders([folder / "one", folder / "two"], convention=get_convention("otb"), root=folder / "data")
    json.dumps(comparison_json(found), allow_nan=False)


def _altered(path: Path, rng: Rng) -> bytes:
    data = path.read_bytes() if path.exists() else b"{}"
    if rng.integers(4) == 0:
        return damaged(data, rng)
    if path.suffix == ".json":
        return _wrong_json(json.loads(data), rng).encode(errors="surrogateescape")
    return _wrong_lines(data.decode(), rng).encode()


def _wrong_json(value: Any, rng: Rng) -> str:
    """The text with a wrong value in one place, or nested too deep, or with a number of 5,000 digits there."""
    places = list(_places(value))
    at = places[rng.integers(len(places))]
    hole = "<hole>"
    text = json.dumps(_put(value, at, hole), ensure_ascii=False)
    kind = rng.integers(10)
    if kind == 0:
        return text.replace(f'"{hole}"', "[" * 100_000)
    if kind == 1:
        return text.replace(f'"{hole}"', "9" * 5000)
    return text.replace(f'"{hole}"', json.dumps(_WRONG[rng.integers(len(_WRONG))], ensure_ascii=False))


def _places(value: Any, at: tuple[Any, ...] = ()) -> Any:
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _places(item, (*at, key))


def _put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _put(value[at[0]], at[1:], new)
    return copy


def _wrong_lines(text: str, rng: Rng) -> str:
    """A line less, one twice, one in another place, one bracket less, or another value behind a ``=`` or comma."""
    lines = text.splitlines()
    at, other = rng.integers(len(lines), size=2)
    kind = rng.integers(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at] = re.sub(r"^\[\[(.*)\]\]$", r"[\1]", lines[at]) if "[[" in lines[at] else lines[at][1:]
    else:
        word = _WORDS[rng.integers(len(_WORDS))]
        lines[at] = re.sub(r"[=,].*", lambda found: f"{found[0][0]} {word}", lines[at], count=1)
    return "\n".join(lines) + "\n"
