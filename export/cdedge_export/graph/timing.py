"""Milliseconds per layer of an exported graph, from onnxruntime's own profile."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import onnx
import onnxruntime as ort

from cdedge_export.network.layers import Patches
from cdedge_runtime.files import scratch_folder
from cdedge_runtime.model.contract import INPUT_NAME

RUNS = 20  # of a network, to time its layers
_WARM_UP = 2


def layer_times_ms(model: onnx.ModelProto, patches: Patches, *, runs: int = RUNS) -> dict[str, float]:
    """Median over ``runs`` of each layer's kernel time on one thread; a layer's nodes begin with its name."""
    events = _profile(model, patches, runs + _WARM_UP)
    layers = {node.name.split("/")[0] for node in model.graph.node}
    passes = [_layer_sums(run, layers) for run in _by_run(events, runs + _WARM_UP)][_WARM_UP:]
    return {layer: median(one.get(layer, 0.0) for one in passes) for layer in layers}


def _profile(model: onnx.ModelProto, patches: Patches, runs: int) -> list[dict[str, Any]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    with scratch_folder() as folder:
        options.profile_file_prefix = str(folder / "profile")
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for run in range(runs):
            session.run(None, {INPUT_NAME: patches[run % len(patches)][None]})
        events = json.loads(Path(session.end_profiling()).read_text())
    return [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]


def _by_run(events: list[dict[str, Any]], runs: int) -> Iterator[list[dict[str, Any]]]:
    """Every run executes the same nodes in the same order."""
    each = len(events) // runs
    return (events[at * each : (at + 1) * each] for at in range(runs))


def _layer_sums(events: list[dict[str, Any]], layers: set[str]) -> dict[str, float]:
    """Milliseconds by layer; a change of memory layout put in by onnxruntime counts to the layer before."""
    sums: dict[str, float] = defaultdict(float)
    current = "input"
    for event in events:
        name = event["name"].removesuffix("_kernel_time").split("/")[0]
        current = name if name in layers else current
        sums[current] += event["dur"] / 1000
    return sums
