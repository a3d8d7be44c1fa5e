"""A bounded look at an ONNX file, before onnxruntime sees it and without the onnx package, which a device lacks.

The seal of a model file is a checksum and no signature: anyone can make one. So its graph may hold plain operators of
networks and no loop, no function, no foreign operator and nothing that lies in another file, and every size has
a limit. onnxruntime gets nothing else to see. Loads no numpy.
"""

from __future__ import annotations

import mmap
import stat
from collections.abc import Iterator
from pathlib import Path

from cdedge_runtime.errors import BadModel

LARGEST_FILE_BYTES = 256 << 20
MOST_NODES = 5_000
# What the exporter writes itself, and what networks that were given as ONNX files are made of.
_OPERATORS = """
Abs Add And ArgMax AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant Conv ConvTranspose
DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather Gelu Gemm
GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish
Identity InstanceNormalization LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization
LpPool MatMul Max MaxPool Mean Min Mish Mul Neg Not Or PRelu Pad Pow QuantizeLinear Reciprocal ReduceL1 ReduceL2
ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round Selu Shape Sigmoid
Sign Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose
Unsqueeze Upsample Where
"""
OPERATORS = frozenset(_OPERATORS.split())
_CHOICE = "If"  # of the deep part: only in the outermost graph, with plain operators in its branches

_MOST_FIELDS = 2_000_000  # of all messages looked into, so that looking ends
_MOST_METADATA_BYTES = 4 << 20
_DEFAULT_DOMAIN = (b"", b"ai.onnx")
_IR_VERSION, _GRAPH, _OPSET_IMPORT, _METADATA, _TRAINING, _FUNCTIONS = 1, 7, 8, 14, 20, 25  # of onnx.ModelProto
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15  # of onnx.GraphProto
_OP_TYPE, _ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7  # of onnx.NodeProto
_TENSOR, _SUBGRAPH, _TENSORS = 5, 6, 10  # of onnx.AttributeProto
_OTHER_ATTRIBUTES = {_SUBGRAPH: "a graph", 11: "graphs", 22: "sparse weights", 23: "sparse weights"}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of onnx.TensorProto
_DOMAIN, _VERSION = 1, 2  # of onnx.OperatorSetIdProto
_KEY, _VALUE = 1, 2  # of onnx.StringStringEntryProto
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def ir_and_opset(path: Path) -> tuple[int | None, int | None]:
    """IR version and opset of the default domain of any ONNX file; None where it does not tell."""
    ir = opset = None
    try:
        for field, value in _fields(mapped(path), [0]):
            if field == _IR_VERSION and isinstance(value, int):
                ir = value
            elif field == _OPSET_IMPORT and isinstance(value, memoryview):
                found = dict(_fields(value, [0]))
                version = found.get(_VERSION)
                if _bytes(found.get(_DOMAIN)) in _DEFAULT_DOMAIN and isinstance(version, int):
                    opset = version
    except (BadModel, ValueError, IndexError):
        return None, None
    return ir, opset


def read_metadata(path: Path) -> dict[str, str]:
    """``metadata_props`` of a model file, its graph checked; raises `BadModel` for what no exporter wrote."""
    return _read(path)[0]


def node_count(path: Path) -> int:
    """How many nodes a model file's graph has, those in its branches too; raises as `read_metadata`."""
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, str], int]:
    data = mapped(path)
    try:
        return _checked(data)
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from error
    except (ValueError, IndexError) as error:
        raise BadModel(f"{path}: not an ONNX file, or cut short ({error}); export it again") from error


def mapped(path: Path) -> memoryview:
    """The file's bytes; raises `BadModel` where it is too large for a model, or none can be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a FIFO would wait for a writer
            raise BadModel(f"{path}: cannot be read: not a regular file")
        if not 0 < status.st_size <= LARGEST_FILE_BYTES:
            raise BadModel(
                f"{path}: {status.st_size} bytes, a model file has 1 to {LARGEST_FILE_BYTES}; export it again"
            )
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise BadModel(f"{path}: cannot be read: {error.strerror or error}") from error


def _checked(data: memoryview) -> tuple[dict[str, str], int]:
    """The metadata and the number of nodes."""
    looked, nodes, found = [0], 0, dict[str, str]()
    for field, value in _fields(data, looked):
        if field in (_TRAINING, _FUNCTIONS):
            raise BadModel("the graph has functions of its own or training information, which no model file has")
        if not isinstance(value, memoryview):
            continue
        if field == _GRAPH:
            nodes += _check_graph(value, looked)
        elif field == _METADATA:
            _take(found, value, looked)
    if not nodes:
        raise BadModel("the graph has no nodes; export it again")
    if nodes > MOST_NODES:
        raise BadModel(f"the graph has {nodes} nodes, model files have at most {MOST_NODES}")
    return found, nodes


def _take(found: dict[str, str], entry: memoryview, looked: list[int]) -> None:
    parts = dict(_fields(entry, looked))
    try:
        key, text = (_bytes(parts.get(part)).decode() for part in (_KEY, _VALUE))
    except UnicodeDecodeError as error:
        raise BadModel("the metadata is not UTF-8; export it again") from error
    if key in found or len(text) + sum(map(len, found.values())) > _MOST_METADATA_BYTES:
        raise BadModel(f"the metadata {key[:60]!r} stands there twice, or is too long; export it again")
    found[key] = text


def _check_graph(graph: memoryview, looked: list[int], *, inner: bool = False) -> int:
    """Refuse what must not be in a graph; returns its number of nodes. An ``inner`` one is a branch of a choice."""
    nodes = 0
    for field, value in _fields(graph, looked):
        if field == _NODE and isinstance(value, memoryview):
            nodes += 1 + _check_node(value, looked, inner=inner)
        elif field == _INITIALIZER and isinstance(value, memoryview):
            _check_tensor(value, looked)
        elif field == _SPARSE_INITIALIZER:
            raise BadModel("the graph has sparse weights, which no model file has")
    return nodes


def _check_node(node: memoryview, looked: list[int], *, inner: bool) -> int:
    """Refuse what must not be in a node; returns the number of nodes in its branches, if it chooses between two."""
    name, domain, attributes = b"", b"", list[memoryview]()
    for field, value in _fields(node, looked):
        if field == _OP_TYPE:
            name = _bytes(value)
        elif field == _NODE_DOMAIN:
            domain = _bytes(value)
        elif field == _ATTRIBUTE and isinstance(value, memoryview):
            attributes.append(value)
    operator = name.decode(errors="replace")
    chooses = operator == _CHOICE and not inner
    if domain not in _DEFAULT_DOMAIN or not (chooses or operator in OPERATORS):
        where = f" of {domain.decode(errors='replace')[:60]!r}" if domain else ""
        raise BadModel(f"the graph has the operator {operator[:60]!r}{where}, which no model file may have")
    return sum(_check_attribute(attribute, looked, branches=chooses) for attribute in attributes)


def _check_attribute(attribute: memoryview, looked: list[int], *, branches: bool) -> int:
    nodes = 0
    for field, value in _fields(attribute, looked):
        if field == _SUBGRAPH and branches and isinstance(value, memoryview):
            nodes += _check_graph(value, looked, inner=True)
        elif field in _OTHER_ATTRIBUTES:
            raise BadModel(f"a node of the graph holds {_OTHER_ATTRIBUTES[field]}, which no model file has")
        elif field in (_TENSOR, _TENSORS) and isinstance(value, memoryview):
            _check_tensor(value, looked)
    return nodes


def _check_tensor(tensor: memoryview, looked: list[int]) -> None:
    for field, value in _fields(tensor, looked):
        if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0):
            raise BadModel("weights lie outside the file, where its checksum does not reach; export it again")


def _bytes(value: int | memoryview | None) -> bytes:
    return bytes(value) if isinstance(value, memoryview) else b""


def _fields(data: memoryview, looked: list[int]) -> Iterator[tuple[int, int | memoryview]]:
    """The (number, value) pairs of a protobuf message; raises `ValueError` or `IndexError` where it is none.

    ``looked`` counts them over all messages of a file.
    """
    at, end = 0, len(data)
    while at < end:
        looked[0] += 1
        if looked[0] > _MOST_FIELDS:
            raise ValueError("too many parts")
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif kind == _LENGTH:
            length, at = _varint(data, at)
            if length > end - at:
                raise ValueError("cut short")
            yield key >> 3, data[at : at + length]
            at += length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
            if at > end:
                raise ValueError("cut short")
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without end")
