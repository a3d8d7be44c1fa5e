"""Milliseconds per layer of an exported graph, from onnxruntime's own profile."""

from __future__ import annotations

import json
import time
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
_WARM_UP, _LEAST_RUNS = 2, 3
_MOST_S = 5.0  # a network that takes longer for all runs gets fewer


def layer_times_ms(model: onnx.ModelProto, patches: Patches, *, runs: int = RUNS) -> dict[str, float]:
    """Median over ``runs`` of each layer's kernel time on one thread; a layer's nodes begin with its name.

    A network that is not done with them in `_MOST_S` has fewer, but `_LEAST_RUNS`.
    """
    events, done = _profile(model, patches, runs + _WARM_UP)
    layers = {node.name.split("/")[0] for node in model.graph.node}
    passes = [_layer_sums(run, layers) for run in _by_run(events, done)][_WARM_UP:]
    return {layer: median(one.get(layer, 0.0) for one in passes) for layer in layers}


def _profile(model: onnx.ModelProto, patches: Patches, runs: int) -> tuple[list[dict[str, Any]], int]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    with scratch_folder() as folder:
        options.profile_file_prefix = str(folder / "profile")
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        end_s, done = time.monotonic() + _MOST_S, 0
        while done < runs and (done < _WARM_UP + _LEAST_RUNS or time.monotonic() < end_s):
            session.run(None, {INPUT_NAME: patches[done % len(patches)][None]})
            done += 1
        events = json.loads(Path(session.end_profiling()).read_text())
    return [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")], done


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
