"""Model files whose seal is right and whose content is not: anyone can make one, and each is refused before it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cdedge_runtime import open_tracker
from cdedge_runtime.errors import BadModel
from cdedge_runtime.model import graph
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.metadata import UNSEALED, _find_seal, seal, to_metadata
from cdedge_runtime.model.session import read_spec
from tests.conftest import make_spec, tiny_model_bytes

Change = Callable[[onnx.ModelProto], None]


def resealed(data: bytes) -> bytes:
    """A model's bytes with the seal that they ask for."""
    found = _find_seal(data)
    return seal(data[: found.start(1)] + UNSEALED.encode() + data[found.end(1) :])


def changed(change: Change) -> bytes:
    """The tiny model after ``change``, sealed again."""
    model = onnx.load_from_string(tiny_model_bytes(make_spec()))
    change(model)
    return resealed(model.SerializeToString())


def with_metadata(name: str, text: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        next(entry for entry in model.metadata_props if entry.key == f"cdedge.{name}").value = text

    return change


def refused(path: Path, message: str) -> None:
    for read in (read_spec, lambda file: open_tracker(file, threads=1)):
        with pytest.raises(BadModel, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)


def branch(operator: str = "Identity", **attributes: object) -> onnx.GraphProto:
    return helper.make_graph(
        [helper.make_node(operator, ["relu"], ["b"], **attributes)],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
    )


def add_node(operator: str, **attributes: object) -> Change:
    return lambda model: model.graph.node.append(helper.make_node(operator, ["relu"], ["unused"], **attributes))


def many_nodes(model: onnx.ModelProto) -> None:
    model.graph.node.extend(helper.make_node("Identity", ["relu"], [f"x{i}"]) for i in range(graph.MOST_NODES))


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("raw_data")


def constant_outside(model: onnx.ModelProto) -> None:
    value = TensorProto(data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    value.external_data.add(key="location", value="other.bin")
    node = helper.make_node("Constant", [], ["unused"])
    node.attribute.add(name="value", t=value, type=onnx.AttributeProto.TENSOR)
    model.graph.node.append(node)


def own_function(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Identity", ["a"], ["b"])]
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("", 17)]))


def sparse(model: onnx.ModelProto) -> None:
    values, places = np.ones(1, np.float32), np.zeros(1, np.int64)
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(numpy_helper.from_array(values, "s"), numpy_helper.from_array(places), [9])
    )


def doubled(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="cdedge.macs", value="7")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (add_node("Loop", body=branch()), "holds a graph|'Loop'"),
        (add_node("If", then_branch=branch(), else_branch=branch("Loop")), "'Loop'"),
        (add_node("If", then_branch=branch("If"), else_branch=branch()), "'If'"),
        (add_node("If", then_branch=branch(), else_branch=branch("Relu", body=branch())), "holds a graph"),
        (add_node("Scan"), "'Scan'"),
        (add_node("RandomNormalLike"), "'RandomNormalLike'"),
        (add_node("Relu", domain="com.microsoft"), r"'Relu' of 'com\.microsoft'"),
        (add_node("FusedConv", domain="com.microsoft"), r"'FusedConv' of"),
        (add_node("Relu", hidden=[branch()]), "holds graphs"),
        (many_nodes, "nodes, model files have at most"),
        (outside, "outside the file"),
        (constant_outside, "outside the file"),
        (own_function, "functions of its own"),
        (sparse, "sparse weights"),
        (doubled, "twice"),
        (with_metadata("macs", "9" * 5000), "too large a number"),
        (with_metadata("macs", "-1"), "damaged"),
        (with_metadata("grid", "[" * 100_000 + "]" * 100_000), "damaged"),
        (with_metadata("grid", "[1e400, 32]"), "no finite number"),
        (with_metadata("grid", "[NaN, 32]"), "no finite number"),
        (with_metadata("selection", json.dumps({"rank": -np.inf})), "no finite number"),
        (with_metadata("producer", '"' + "x" * (5 << 20) + '"'), "too long"),
        (with_metadata("input_px", "[4096, 64]"), "4096"),
        (with_metadata("grid", "[2048, 32768]"), "more than a tracker is made for"),
        (with_metadata("taps", "[]"), "0 taps"),
        (with_metadata("backbone", '"fhog"'), "HOG has the tap"),
    ],
)
def test_it_is_refused_before_it_runs(change: Change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(changed(change))
    refused(path, message)


@pytest.mark.parametrize(
    "change",
    [
        {"grid": (16, 16)},
        {"grid": (32, 31)},
        {"taps": (Tap("11", (0, 1, 2), 64),)},
        {"input_px": (64, 63)},
        {"tracker": "mdnet"},
    ],
)
def test_a_contract_that_contradicts_its_graph_is_found_at_load(change: dict[str, object], tmp_path: Path) -> None:
    """Whatever the file declares: onnxruntime works the shapes out."""
    spec, path = make_spec(), tmp_path / "wrong.onnx"
    if change.get("tracker") == "mdnet":
        from cdedge_runtime.kinds import find_kind

        change = {**change, "settings": find_kind("mdnet").settings()}
    path.write_bytes(tiny_model_bytes(spec, to_metadata(replace(spec, **change))))
    refused(path, "its contract says")


def test_an_output_of_another_type_or_name_is_found_at_load(tmp_path: Path) -> None:
    def halves(model: onnx.ModelProto) -> None:
        model.graph.node[-1].output[0] = "single"
        model.graph.node.append(helper.make_node("Cast", ["single"], ["features"], to=TensorProto.FLOAT16))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    def renamed(model: onnx.ModelProto) -> None:
        model.graph.node[-1].output[0] = model.graph.output[0].name = "maps"

    for change in (halves, renamed):
        path = tmp_path / f"{change.__name__}.onnx"
        path.write_bytes(changed(change))
        refused(path, "the graph's output features is")


def test_metadata_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(resealed(tiny_model_bytes(make_spec()).replace(b"cdedge test", b"cdedge \xff\xfe\xfd\xfc")))
    refused(path, "not UTF-8")


def test_a_file_of_400_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(400_000_000)
    refused(path, "400000000 bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    refused(tmp_path / "pipe.onnx", "not a regular file")
    refused(tmp_path, "not a regular file")


def test_looking_ends(tmp_path: Path) -> None:
    """Weights written number by number are legal protobuf, and would take minutes to walk."""
    model = onnx.load_from_string(tiny_model_bytes(make_spec()))
    path = tmp_path / "slow.onnx"
    path.write_bytes(resealed(model.SerializeToString() + b"\x18\x01" * 2_100_000))
    refused(path, "too many parts")


def test_random_damage_under_a_right_seal_is_refused_or_tracked_with(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng, data, path = np.random.default_rng(11), tiny_model_bytes(make_spec()), tmp_path / "damaged.onnx"
    frame = rng.integers(0, 255, (90, 120, 3), np.uint8)
    for _ in range(120):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data) - 1, rng.integers(1, 4)):
            if rng.random() < 0.3:
                del damaged[min(at, len(damaged) - 1)]
            else:
                damaged[min(at, len(damaged) - 1)] = rng.integers(0, 256)
        with suppress(BadModel):  # anything else, an own error too, would be a fault
            path.write_bytes(resealed(bytes(damaged)))
            tracker = open_tracker(path, threads=1)
            tracker.init(frame, (40, 50, 24, 20))
            with np.errstate(all="ignore"):
                assert np.isfinite(list(tracker.update(frame).box)).all()
    assert capfd.readouterr().out == ""


def test_the_command_line_says_the_same(tmp_path: Path, cdedge: Callable[..., object]) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(changed(add_node("Loop", body=branch())))
    for command in ("inspect", "track"):
        done = cdedge(command, path)
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith(f"cdedge: {path}: ")


def test_looking_needs_no_numpy_nor_onnx(tiny_model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cdedge_runtime.model.graph import read_metadata; "
        "from cdedge_runtime.model.metadata import from_metadata; from_metadata(read_metadata(Path(sys.argv[1]))); "
        "sys.exit(bool({'numpy', 'cv2', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, tiny_model], check=True)
