"""Whether a batch of N windows costs less than N runs of one: processor time per target, of copies with a free batch.

    python benchmarks/batch.py MODEL ... [--rounds 9]

The files' graphs take one window; here the batch of a copy is made free, and both are run on one thread in turn, with
bound inputs and outputs as on the device. A deep part is looked at too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx  # noqa: TID251 - this one edits graphs
import onnxruntime as ort
from numpy.typing import NDArray

COUNTS, RUNS = (1, 2, 4, 8, 16), 24
Feed = dict[str, NDArray[Any]]


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and its branches."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def freed(path: str) -> bytes:
    """The model with any number of windows: its first sides open, and reshapes that keep a batch of one told so."""
    model = onnx.load(path)
    for graph in graphs(model.graph):
        del graph.value_info[:]
        for value in (*graph.input, *graph.output):
            if len(sides := value.type.tensor_type.shape.dim) == 4:
                sides[0].dim_param = "N"
    wanted = {node.input[1] for graph in graphs(model.graph) for node in graph.node if node.op_type == "Reshape"}
    for graph in graphs(model.graph):
        tensors = [(each.name, each) for each in graph.initializer]
        tensors += [(node.output[0], node.attribute[0].t) for node in graph.node if node.op_type == "Constant"]
        for name, tensor in tensors:
            shape = onnx.numpy_helper.to_array(tensor).copy()
            if name in wanted and shape[0] == 1 and -1 not in shape:
                shape[0] = -1
                tensor.CopyFrom(onnx.numpy_helper.from_array(shape, tensor.name))
    return bytes(model.SerializeToString())


def session(model: str | bytes) -> ort.InferenceSession:
    """On one thread, as the device's."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.enable_mem_pattern = 1, 1, False
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feed(of: ort.InferenceSession, count: int, rng: np.random.Generator) -> Feed:
    """So many windows of noise, the deep look among them."""
    made: Feed = {}
    for each in of.get_inputs():
        if each.type == "tensor(bool)":
            made[each.name] = np.array(each.name == "look_deep")
        elif each.type == "tensor(uint8)":
            made[each.name] = rng.integers(0, 256, (count, *each.shape[1:]), dtype=np.uint8)
        else:
            made[each.name] = np.zeros((count, *each.shape[1:]), np.float32)
    return made


def bound(to: ort.InferenceSession, given: Feed) -> tuple[ort.IOBinding, list[NDArray[Any]]]:
    """Inputs and outputs bound once, and the outputs' arrays."""
    binding, answers = to.io_binding(), to.run(None, given)
    for name, value in given.items():
        binding.bind_cpu_input(name, value)
    for output, value in zip(to.get_outputs(), answers, strict=True):
        binding.bind_ortvalue_output(output.name, ort.OrtValue.ortvalue_from_numpy(value))
    return binding, answers


def timed(of: ort.InferenceSession, bindings: list[ort.IOBinding], repeat: int) -> float:
    """Seconds of processor time of one run of each."""
    begin = time.process_time()
    for _ in range(repeat):
        for each in bindings:
            of.run_with_iobinding(each)
    return (time.process_time() - begin) / repeat


def main() -> None:
    """Print one line per model and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=9)
    asked, rng = parser.parse_args(), np.random.default_rng(0)
    print(f"{'model':24} {'N':>3} {'batch ms':>9} {'alone ms':>9} {'ratio':>6} {'difference':>11}")
    for path in asked.models:
        one, many = session(path), session(freed(path))
        for count in COUNTS:
            given = feed(one, count, rng)
            parts = [{k: v[i : i + 1] if v.ndim == 4 else v for k, v in given.items()} for i in range(count)]
            whole, together = bound(many, given)
            alone, apart = zip(*(bound(one, part) for part in parts), strict=True)
            joined = [np.concatenate(each) for each in zip(*apart, strict=True)]
            far = max(float(np.abs(a - b).max()) for a, b in zip(together, joined, strict=True))
            times = [
                (timed(many, [whole], RUNS // count or 1) / count, timed(one, list(alone), RUNS // count or 1) / count)
                for _ in range(asked.rounds)
            ]
            batch, single = (1e3 * min(each) for each in zip(*times, strict=True))
            ratio = statistics.median(a / b for a, b in times)
            print(f"{path:24} {count:3} {batch:9.3f} {single:9.3f} {ratio:6.2f} {far:11.1e}")


if __name__ == "__main__":
    main()
