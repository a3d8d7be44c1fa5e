"""Loads a model once in a process of its own, so that TensorRT builds and keeps its engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

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


def warmed(request: WarmRequest) -> WarmReport:
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
    """`warmed` in a fresh process; ``tick`` is called while it works."""
    task = "cdedge_runtime.measure.warm:answer"
    return decode(WarmReport, child.ask(task, encode(request), Path(request.model), tick))


def answer(request: Any, _see: Callable[[Any], None]) -> Any:
    """`warm`'s work in the fresh process (see `child.Child`)."""
    return encode(warmed(decode(WarmRequest, request)))


def _held(cache: Path | None) -> int:
    return 0 if cache is None or not cache.is_dir() else sum(file.stat().st_size for file in cache.iterdir())
