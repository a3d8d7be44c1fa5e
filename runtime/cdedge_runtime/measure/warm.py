"""Loads a model once in a process of its own, so that TensorRT builds and keeps its engine."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.model.providers import engine_folder
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.record import decode, encode

from . import child


@dataclass(frozen=True)
class WarmRequest:
    """Which model, on which provider."""

    model: str
    provider: str


@dataclass(frozen=True)
class WarmReport:
    """How long loading and the first run took. cache: where the engine lies (None: this provider keeps nothing)."""

    provider: str
    load_ms: float
    first_run_ms: float
    second_run_ms: float
    cache: str | None
    cached_before_bytes: int
    cached_bytes: int
    nodes: dict[str, int] | None


def answer(request: WarmRequest) -> WarmReport:
    """Load the model, run it twice on an empty window, and say what was kept."""
    model = Path(request.model)
    cache = engine_folder(model, ort.__version__) if request.provider == "tensorrt" and model.is_file() else None
    before = _held(cache)
    begin = time.perf_counter()
    extract = Extractor(model, provider=request.provider)
    times = [time.perf_counter()]
    for _ in range(2):
        extract(np.zeros((*extract.spec.input_px, 3), np.uint8))
        times.append(time.perf_counter())
    return WarmReport(
        extract.provider,
        (times[0] - begin) * 1e3,
        (times[1] - times[0]) * 1e3,
        (times[2] - times[1]) * 1e3,
        None if cache is None else str(cache),
        before,
        _held(cache),
        extract.nodes(),
    )


def warm(request: WarmRequest, tick: child.Tick | None = None) -> WarmReport:
    """`answer` in a fresh process; ``tick`` is called while it works."""
    return decode(WarmReport, child.ask("cdedge_runtime.measure.warm", encode(request), Path(request.model), tick))


def _held(cache: Path | None) -> int:
    return 0 if cache is None or not cache.is_dir() else sum(file.stat().st_size for file in cache.iterdir())


def _main() -> None:
    try:
        report = answer(decode(WarmRequest, json.loads(sys.stdin.read())))
    except CdedgeError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error
    sys.stdout.write(json.dumps(encode(report)))


if __name__ == "__main__":
    _main()
