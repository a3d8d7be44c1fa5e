"""The fields of every answer of ``--json``, per schema: their types, ``schema`` itself left out.

A dict is an object of its own, a list an array of what is in it.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from cdedge.answer import ERROR_SCHEMA
from cdedge.bundling.bundle import Bundle
from cdedge.choosing.choose import SELECT_SCHEMA, SelectAnswer
from cdedge.doctor.facts import Facts, Finding
from cdedge.evaluation.job import Failure
from cdedge.evaluation.results import Speed
from cdedge.evaluation.summary import PeakMemory
from cdedge.planning.budget import PLAN_SCHEMA, PlanReport
from cdedge.serve.state import STATE_SCHEMA, State
from cdedge.show.bench_tables import BENCH_SCHEMA, PREDICT_SCHEMA, Answer, Checked, Compared
from cdedge_devices import DeviceProfile
from cdedge_export.onnx_net.taps import LAYERS_SCHEMA, LayersAnswer
from cdedge_export.report import ExportReport
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.soak_report import SoakReport
from cdedge_runtime.measure.warm import WarmReport
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.stopwatch import StageTime

_fields = typing.get_type_hints
_Interval = tuple[float, float]
_Texts = tuple[str, ...]

_NAMED_REASONS = [{"name": str, "reason": str}]
_SCORES = {"precision_20px": float | None, "auc": float | None, "sr_50": float | None}
_NORMALIZED = {"normalized_precision": float | None}
_CURVE = tuple[float | None, ...]
_SEQUENCE = {
    "name": str,
    "frames": int,
    "attributes": _Texts,
    **_SCORES,
    **_NORMALIZED,
    "fps": float | None,
}
_COMPARED_TRACKER = {
    "name": str,
    "results": str,
    "precision_20px": float | None,
    "auc": float | None,
    "auc_interval": _Interval,
    "auc_difference": {"mean": float, "low": float, "high": float, "is_noise": bool},
    "speed": Speed | None,
    "threads": int,
    "peak_memory": PeakMemory | None,
    "failures": _Texts,
}
_TRACK = {
    "source": str,
    "frames": int,
    "origin": int,
    "out": str | None,
    "boxes": tuple[tuple[float, float, float, float], ...] | None,
    "scores": tuple[float | None, ...] | None,
    "lost_frames": tuple[int, ...] | None,
    "lost": int,
    "init_ms": float,
    "fps": float | None,
    "fps_without_read": float | None,
    "stages": dict[str, StageTime],
    "dropped_frames": int | None,
    "latency": StageTime | None,
    "reconnects": int | None,
    "error": str | None,
}
_EVALUATE = {
    "tracker": str,
    "dataset": str,
    "convention": str,
    **_SCORES,
    **_NORMALIZED,
    "auc_interval": _Interval,
    "precision_20px_interval": _Interval,
    "fps": float | None,
    "speed": Speed | None,
    "curves": {"precision": _CURVE, "normalized_precision": _CURVE, "success": _CURVE},
    "sequences": [_SEQUENCE],
    "missing": _NAMED_REASONS,
    "protocol": str,
    "threads": int,
    "failures": dict[str, Failure],
    "skipped": _NAMED_REASONS,
    "results": str,
    "peak_memory": PeakMemory | None,
}


def answers() -> dict[str, Mapping[str, Any]]:
    """Per schema the types of its fields. A sweep's rows hold the options that the sweep varies, whatever they are."""
    return {
        ERROR_SCHEMA: {"error": str, "text": str, "field": str | None, "exit_code": int},
        "cdedge.export/1": {**_fields(ExportReport), "model": str, "channels": int},
        "cdedge.inspect/1": {"model": str, "bytes": int, "channels": int, "layers": str, **_fields(ModelSpec)},
        LAYERS_SCHEMA: _fields(LayersAnswer),
        SELECT_SCHEMA: _fields(SelectAnswer),
        PLAN_SCHEMA: _fields(PlanReport),
        "cdedge.track/1": _TRACK,
        "cdedge.serve/1": {"address": str},
        STATE_SCHEMA: _fields(State),
        "cdedge.bundle/1": _fields(Bundle),
        BENCH_SCHEMA: {**_fields(BenchReport), "compared": Compared | None, "prediction": Checked | None},
        PREDICT_SCHEMA: _fields(Answer),
        "cdedge.report/1": {"page": str, "bytes": int, "left_out": dict[str, str]},
        "cdedge.soak/1": _fields(SoakReport),
        "cdedge.warm/1": {"model": str, **_fields(WarmReport)},
        "cdedge.evaluate/1": _EVALUATE,
        "cdedge.sweep/1": {"results": str, "runs": tuple[dict[str, Any], ...]},
        "cdedge.compare/1": {
            "reference": str,
            "sequences": _Texts,
            "left_out": dict[str, _Texts],
            "unfinished": _Texts,
            "trackers": [_COMPARED_TRACKER],
        },
        "cdedge.convert/1": {"out": str, "to": str, "written": _Texts, "left_out": _Texts},
        "cdedge.vot/1": {
            "workspace": str,
            "trackers": _Texts,
            "stack": str | None,
            "experiments": _Texts,
            "next": _Texts,
        },
        "cdedge.devices/1": {"install": str, "devices": tuple[DeviceProfile, ...]},
        "cdedge.doctor/1": {"findings": dict[str, Finding], "facts": Facts},
    }
