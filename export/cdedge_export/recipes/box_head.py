"""A box head: our own, or the second half of a Siamese tracker, such as NanoTrack's, from a file; it has to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError

from cdedge_export.graph.build import OPSET
from cdedge_export.graph.deep import HeadGraph, shape_of
from cdedge_export.graph.precision import convolutions_of_one_cell
from cdedge_export.network.backbones import UNKNOWN_LICENCE
from cdedge_export.network.layers import Floats, Size
from cdedge_export.network.own_head import CDEDGE_HEAD
from cdedge_export.onnx_net.costs import macs, weight_bytes
from cdedge_export.onnx_net.own_head import head_onnx
from cdedge_export.onnx_net.own_net import bundled_state
from cdedge_export.onnx_net.run import check_telling
from cdedge_export.onnx_net.settle import understood
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import file_sha256
from cdedge_runtime.model.contract import DeepPart, Precision, WeightsInfo


def open_head(path: Path, template: onnx.ModelProto, part: DeepPart) -> HeadGraph:
    """Read a head that takes the template's and the deep window's maps; raises `BadModel` where it does not fit."""
    model = _own(part.grid) if is_own(path) else _loaded(path)
    inputs = {value.name: shape_of(value) for value in model.graph.input}
    outputs = {value.name: shape_of(value) for value in model.graph.output}
    small, large = shape_of(template.graph.output[0]), (1, part.channels, *part.grid)
    logits, distances = (1, 2, *part.grid), (1, 4, *part.grid)
    if sorted(inputs.values()) != sorted([small, large]) or sorted(outputs.values()) != sorted([logits, distances]):
        raise BadModel(
            f"{path}: expected a box head with inputs {small} and {large} and outputs {logits} and {distances}, got "
            f"{_listed(inputs)} and {_listed(outputs)}; a deep input of another size changes what is expected"
        )
    by_input, by_output = ({shape: name for name, shape in known.items()} for known in (inputs, outputs))
    return HeadGraph(template, model, (by_input[small], by_input[large]), (by_output[logits], by_output[distances]))


def weights_info(path: Path) -> WeightsInfo:
    """What a file says of the head's weights."""
    if is_own(path):
        return bundled_state(CDEDGE_HEAD.bundled)[1]
    return WeightsInfo(path.name, file_sha256(path), UNKNOWN_LICENCE)


def is_own(path: Path) -> bool:
    """Whether it is the name of our own head."""
    return str(path) == CDEDGE_HEAD.name


def head_cost(head: HeadGraph, precision: Precision) -> tuple[int, int]:
    """Multiply-accumulates and bytes of weights."""
    graph = understood(head.model)
    work, weights = sum(macs(node, graph) for node in graph.nodes), weight_bytes(graph.nodes, graph)
    if precision == "int8":
        small = convolutions_of_one_cell(head.model)
        large = [node.input[1] for node in graph.nodes if node.op_type == "Conv" and node.name not in small]
        return work, weights - sum(graph.constants[name].nbytes - graph.constants[name].size for name in large)
    return work, weights // 2 if precision == "fp16" else weights


def head_answers(head: HeadGraph, templates: Floats, maps: Floats) -> Floats:
    """What the head itself says, (N, 6, Gh, Gw), of N templates and maps."""
    session = ort.InferenceSession(head.model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = [
        np.concatenate(session.run(list(head.outputs), dict(zip(head.inputs, (z[None], x[None]), strict=True))), axis=1)
        for z, x in zip(templates, maps, strict=True)
    ]
    return np.concatenate(answers)


def telling_answers(head: HeadGraph, templates: Floats, maps: Floats) -> Floats:
    """`head_answers`; raises `BadModel` where they are no numbers, or the same whatever the maps are."""
    answers, other = head_answers(head, templates, maps), head_answers(head, templates[:1], np.flip(maps[:1], (2, 3)))
    for part, name in zip((slice(0, 2), slice(2, 6)), head.outputs, strict=True):
        check_telling(answers[:, part], other[0, part], f"the box head's {name}")
    return answers


def _own(grid: Size) -> onnx.ModelProto:
    return head_onnx(CDEDGE_HEAD, bundled_state(CDEDGE_HEAD.bundled)[0], grid)


def _loaded(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
        weights = {tensor.name for tensor in model.graph.initializer}
        given = [value for value in model.graph.input if value.name not in weights]
        del model.graph.input[:]
        model.graph.input.extend(given)
        return onnx.version_converter.convert_version(model, OPSET)
    except (DecodeError, UnicodeDecodeError, RuntimeError) as error:
        raise BadModel(f"{path}: not an ONNX box head that can be read: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise BadModel(f"{path}: cannot be read: {error.strerror or error}") from error


def _listed(values: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in values.items()) or "none"
