"""int8 and float16: what is stored, what a tracker sees, and how far the numbers may move."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")

from cdedge_export.graph.build import build_model
from cdedge_export.graph.compare import TOLERANCES, Parity
from cdedge_export.graph.parity import check_parity
from cdedge_export.graph.precision import in_precision, stored_bytes
from cdedge_export.graph.write import write_model
from cdedge_export.network.backbones import VGG19
from cdedge_export.network.layers import Geometry
from cdedge_export.network.prune import prune
from cdedge_runtime.model.contract import Precision, Tap
from cdedge_runtime.model.metadata import from_metadata, to_metadata, verify
from tests.conftest import Done, make_spec
from tests.export.random_nets import random_kept, random_patches, random_weights

TAPS, SIZE = ("11", "12"), (32, 32)
WEIGHTS, KEPT = random_weights(VGG19, TAPS), random_kept(VGG19, TAPS, 2)
NETWORK = prune(VGG19, WEIGHTS, KEPT, mode="exact")
SPEC = make_spec(taps=tuple(Tap(name, KEPT[name], 64) for name in TAPS), input_px=SIZE, grid=(8, 8))
SEEN, NEW = random_patches(SIZE, 4), random_patches(SIZE, 2, seed=5)


def written(path: Path, precision: Precision) -> Parity:
    spec = replace(SPEC, precision=precision)
    return write_model(
        spec,
        NETWORK,
        path,
        convert=lambda model: in_precision(model, precision, SEEN),
        check=lambda file: check_parity(file, spec, NETWORK, backbone=VGG19, weights=WEIGHTS, patches=NEW),
    )


@pytest.mark.parametrize(
    ("precision", "stored", "least", "most"),
    [("fp32", {onnx.TensorProto.FLOAT}, 0, 1e-5), ("fp16", {onnx.TensorProto.FLOAT16}, 1e-5, 5e-3),
     ("int8", {onnx.TensorProto.FLOAT, onnx.TensorProto.INT8}, 1e-3, 0.15)],
)  # fmt: skip
def test_weights_are_stored_so_and_features_stay_near(
    tmp_path: Path, precision: Precision, stored: set[int], least: float, most: float
) -> None:
    path = tmp_path / "m.onnx"
    parity = written(path, precision)
    assert least <= parity.max_rel <= most < 1
    assert parity.tolerance == TOLERANCES[precision] >= most
    verify(path)
    model = onnx.load(path)
    kinds = {t.data_type for t in model.graph.initializer if len(t.dims) == 4 and t.dims[-1] == 3}
    assert kinds == stored
    assert (model.ir_version, model.producer_name) == (8, "cdedge")
    assert [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")] == [17]
    assert from_metadata({p.key: p.value for p in model.metadata_props}).precision == precision
    (patch,), (features,) = (side for side in _sides(path))
    assert (patch.type, features.type, features.shape) == ("tensor(uint8)", "tensor(float)", [1, SPEC.channels, 8, 8])


def _sides(path: Path) -> tuple[list[ort.NodeArg], list[ort.NodeArg]]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.get_inputs(), session.get_outputs()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_model_that_is_converted_stays_as_it_was(precision: Precision) -> None:
    model = build_model(NETWORK, Geometry(SIZE, (8, 8)), {})
    before = model.SerializeToString()
    in_precision(model, precision, SEEN)
    assert model.SerializeToString() == before


def test_stored_bytes_by_hand() -> None:
    first, second = 64 * 27, len(KEPT["12"]) * 64 * 9
    biases = 64 + len(KEPT["12"])
    assert stored_bytes(NETWORK, "fp32") == 4 * (first + second + biases)
    assert stored_bytes(NETWORK, "fp16") == 2 * (first + second + biases)
    assert stored_bytes(NETWORK, "int8") == 4 * first + second + 4 * biases


def int8_graph(taps: tuple[str, ...]) -> onnx.GraphProto:
    """What int8 makes of the network up to these taps."""
    network = prune(VGG19, WEIGHTS, {tap: KEPT[tap] for tap in taps}, mode="exact")
    return in_precision(build_model(network, Geometry(SIZE, (8, 8)), {}), "int8", SEEN).graph


def of_int8(graph: onnx.GraphProto) -> list[int]:
    """Sides of the kernels that are stored in 8 bits."""
    return [t.dims[1] for t in graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4]


def test_the_first_of_several_convolutions_stays_in_float_and_a_single_one_does_not() -> None:
    assert of_int8(int8_graph(TAPS)) == [64]
    assert of_int8(int8_graph(("11",))) == [3]


def test_a_relu_is_taken_into_the_range_of_the_convolution_before_it() -> None:
    """Rounded before it, half of the range would hold what it then throws away."""
    kinds = [node.op_type for node in int8_graph(TAPS).node]
    assert (kinds.count("Conv"), kinds.count("Relu")) == (2, 1)  # behind the one in float


def test_quantizing_leaves_logging_as_it_was() -> None:
    before = logging.root.manager.disable
    in_precision(build_model(NETWORK, Geometry(SIZE, (8, 8)), {"a": "b"}), "int8", SEEN)
    assert logging.root.manager.disable == before


def test_a_file_from_before_the_field_is_fp32() -> None:
    metadata = to_metadata(SPEC)
    for name in ("precision", "reconstructed"):
        del metadata[f"cdedge.{name}"]
    spec = from_metadata(metadata)
    assert (spec.precision, spec.reconstructed) == ("fp32", False)


@pytest.mark.parametrize("tracker", ["cacf", "mdnet"])
def test_a_tracker_without_other_precisions_says_so(
    cdedge: Callable[..., Done], square_folder: Path, tracker: str
) -> None:
    done = cdedge("export", square_folder, "--tracker", tracker, "--precision", "int8")
    assert done.returncode == 2
    assert "--precision: " in done.stderr


def test_numbers_that_do_not_fit_are_no_parity(tmp_path: Path) -> None:
    """float16 ends at 65504: a layer whose features are larger is refused, not written."""
    state = {**WEIGHTS.state, "features.2.bias": np.full(64, 1e6, np.float32)}
    loud = replace(WEIGHTS, state=state)
    network, spec = prune(VGG19, loud, KEPT, mode="exact"), replace(SPEC, precision="fp16")
    with pytest.raises(Exception, match="differs from PyTorch"):
        write_model(
            spec, network, tmp_path / "m.onnx",
            convert=lambda model: in_precision(model, "fp16", SEEN),
            check=lambda file: check_parity(file, spec, network, backbone=VGG19, weights=loud, patches=NEW),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
