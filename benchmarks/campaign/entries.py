"""Public names called with anything: an answer or a `CdedgeError`, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

import cdedge
import cdedge_runtime as runtime
from cdedge_runtime.errors import CdedgeError
from tests.conftest import MovingSquare

from .tally import told

Rng = np.random.Generator
EVALUATE = ("dataset", "sequences", "model", "protocol", "threads", "jobs", "time_limit_s")
BENCH = ("source", "box", "frames", "provider", "threads", "repeat")
Call = Callable[[Rng, Callable[[], Any]], Any]


def _wrong(folder: Path) -> list[Any]:
    return [
        None, True, 0, -1, 2**70, 1e300, float("nan"), float("inf"), 1j, "", "x", "\0", "²", "99999999999", "\udcff",
        "a" * 5000, b"", b"\xff", [], [1], (1, 2, 3, 4), (1, 2, "3", 4), (0, 0, 1e300, 1e300), {}, {"a": 1}, set(),
        object(), len, range(4), iter([1, 2, 3, 4]), Path("none"), folder, np.float32(3), np.array(3), np.zeros(4),
        np.zeros((4, 4), np.uint8), np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 7), np.uint8),
        np.zeros((2, 2, 2, 2), np.uint8), np.array(["a"]), np.full((4, 4), None), np.ma.masked_array([1, 2, 3, 4]),
        np.zeros((9, 9, 3), np.uint16)[::-2, ::3], np.zeros((1, 5, 3), np.uint8), type, MovingSquare,
    ]  # fmt: skip


def _calls(folder: Path) -> dict[str, Call]:
    """Each call by its name; the model and the sequence lie in the folder."""
    model, clip = next(folder.glob("deepcd*.onnx")), MovingSquare(3)
    frame, box = clip.frame(0), clip.box(0)
    data = folder / "entries"
    if not data.exists():  # a fresh child finds it
        MovingSquare(3).save(data / "A")

    def tracker() -> Any:
        made = runtime.open_tracker(model, threads=1)
        made.init(frame, box)
        return made

    def targets() -> Any:
        made = runtime.open_targets(model, threads=1)
        made.start(1, frame, box)
        return made

    names = [field.name for field in fields(cdedge.ExportOptions)]
    readings = list(inspect.signature(runtime.Reading).parameters)
    return {
        "as_box": lambda _, any_: runtime.as_box(any_()),
        "Box": lambda _, any_: runtime.Box(any_(), any_(), any_(), any_()),
        "open_tracker": lambda _, any_: runtime.open_tracker(any_(), threads=1),
        "open_tracker threads": lambda _, any_: runtime.open_tracker(model, threads=any_()),
        "open_tracker provider": lambda _, any_: runtime.open_tracker(model, provider=any_(), threads=1),
        "open_targets": lambda _, any_: runtime.open_targets(any_(), threads=1),
        "open_targets workers": lambda _, any_: runtime.open_targets(model, threads=1, workers=any_()),
        "open_source": lambda _, any_: runtime.open_source(any_()),
        "open_source reading": lambda _, any_: runtime.open_source(None, any_()),
        "Reading": lambda rng, any_: runtime.Reading(**{readings[rng.integers(len(readings))]: any_()}),
        "init box": lambda _, any_: tracker().init(frame, any_()),
        "init frame": lambda _, any_: tracker().init(any_(), box),
        "update": lambda _, any_: tracker().update(any_()),
        "Targets.start": lambda _, any_: targets().start(any_(), any_(), any_()),
        "Targets.start number": lambda _, any_: targets().start(any_(), frame, box),
        "Targets.update": lambda _, any_: targets().update(any_()),
        "Targets.stop": lambda _, any_: targets().stop(any_()),
        "ExportOptions": lambda rng, any_: cdedge.ExportOptions(**{names[rng.integers(len(names))]: any_()}),
        "export source": lambda _, any_: cdedge.export(any_(), out="o.onnx", box=(1, 1, 9, 9)),
        "export out": lambda _, any_: cdedge.export(data / "A", out=any_(), tracker="cacf"),
        "export box": lambda _, any_: cdedge.export(data / "A", out="o.onnx", box=any_(), tracker="cacf"),
        "export option": lambda rng, any_: cdedge.export(
            data / "A", out="o.onnx", **{"tracker": "cacf", names[rng.integers(len(names))]: any_()}
        ),
        "evaluate root": lambda _, any_: cdedge.evaluate(any_(), out="r"),
        "evaluate out": lambda _, any_: cdedge.evaluate(data, out=any_(), model=model),
        "evaluate option": lambda rng, any_: cdedge.evaluate(
            data, **{"out": "r", "model": model, EVALUATE[rng.integers(len(EVALUATE))]: any_()}
        ),
        "bench": lambda _, any_: cdedge.bench(any_()),
        "bench option": lambda rng, any_: cdedge.bench(
            model, **{"source": data / "A", "threads": 1, BENCH[rng.integers(len(BENCH))]: any_()}
        ),
    }


def ready(folder: Path) -> Callable[[Rng, int, Path], tuple[str, str]]:
    """The judge of calls."""
    calls = _calls(folder)

    def judge(rng: Rng, _number: int, place: Path) -> tuple[str, str]:
        said: list[str] = []

        def any_() -> Any:
            values = _wrong(place)
            value = values[rng.integers(len(values))]
            said.append(f"{value!r:.60}")
            return value

        name = list(calls)[rng.integers(len(calls))]
        try:
            calls[name](rng, any_)
        except CdedgeError as error:
            return "clean", str(error)
        except Exception as error:  # noqa: BLE001 - what it looks for
            return "traceback", told(error, f"{name}({', '.join(said)}): ")
        return "clean", "an answer"

    return judge
