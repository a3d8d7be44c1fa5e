"""The exported file: its contract, its parity with PyTorch, and that a failure leaves nothing behind."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from cdedge_export.graph.build import build_model
from cdedge_export.graph.compare import Parity
from cdedge_export.graph.parity import check_parity
from cdedge_export.graph.write import write_model
from cdedge_export.network.backbones import VGG19
from cdedge_export.network.layers import Geometry, Network
from cdedge_export.network.prune import prune
from cdedge_export.network.weights import Weights
from cdedge_runtime.errors import BadEnvironment, BadModel
from cdedge_runtime.model.contract import ModelSpec, Tap
from cdedge_runtime.model.metadata import from_metadata, verify
from tests.conftest import make_spec
from tests.export.random_nets import random_kept, random_patches, random_weights

TAPS = ("11", "12")
PATCHES = random_patches((32, 32), count=2)


def _setup(mode: str) -> tuple[ModelSpec, Network, Weights]:
    weights, kept = random_weights(VGG19, TAPS), random_kept(VGG19, TAPS, 2)
    taps = tuple(Tap(name, kept[name], 64) for name in TAPS)
    spec = make_spec(taps=taps, mode=mode, input_px=(32, 32), grid=(8, 8))
    return spec, prune(VGG19, weights, kept, mode=spec.mode), weights


def _write(path: Path, mode: str = "exact", **changes: object) -> Parity:
    spec, network, weights = _setup(mode)
    promised = dataclasses.replace(spec, **changes)  # type: ignore[arg-type]
    return write_model(
        spec,
        network,
        path,
        check=lambda file: check_parity(file, promised, network, backbone=VGG19, weights=weights, patches=PATCHES),
    )


@pytest.mark.parametrize("mode", ["exact", "chain"])
def test_the_file_carries_its_contract_and_is_sealed(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "m.onnx"
    _write(path, mode)
    verify(path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert from_metadata({p.key: p.value for p in model.metadata_props}) == _setup(mode)[0]
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_the_graphs_form_is_what_old_onnxruntimes_load() -> None:
    spec, network, _ = _setup("exact")
    model = build_model(network, Geometry(spec.input_px, spec.grid), {"a": "b"})
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert not any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (patch,), (features,) = session.get_inputs(), session.get_outputs()
    assert (patch.name, patch.type, patch.shape) == ("patch", "tensor(uint8)", [1, 32, 32, 3])
    assert (features.name, features.type, features.shape) == (
        "features",
        "tensor(float)",
        [1, spec.channels, 8, 8],
    )
    assert session.get_modelmeta().custom_metadata_map == {"a": "b"}


def test_exact_loses_nothing_and_chain_tells_its_loss(tmp_path: Path) -> None:
    exact, chain = _write(tmp_path / "e.onnx"), _write(tmp_path / "c.onnx", "chain")
    assert max(exact.max_rel, chain.max_rel) < 1e-5
    assert [loss.name for loss in exact.losses] == list(TAPS)
    assert max(loss.error for loss in exact.losses) < 1e-9
    assert chain.losses[0].error < 1e-9
    assert 0.01 < chain.losses[1].error < 10


def test_a_graph_that_differs_leaves_no_file(tmp_path: Path) -> None:
    spec, network, weights = _setup("exact")
    other = random_weights(VGG19, TAPS, seed=1)
    with pytest.raises(BadModel, match=r"differs from PyTorch by .* allowed is 0\.0001"):
        write_model(
            spec, network, tmp_path / "m.onnx",
            check=lambda file: check_parity(file, spec, network, backbone=VGG19, weights=other, patches=PATCHES),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    assert weights.state is not other.state


def test_nan_features_are_no_parity(tmp_path: Path) -> None:
    spec, network, weights = _setup("exact")
    state = {**weights.state, "features.0.bias": np.full(64, np.nan, np.float32)}
    broken = dataclasses.replace(weights, state=state)
    with pytest.raises(BadModel, match="differs from PyTorch by nan"):
        write_model(
            spec, network, tmp_path / "m.onnx",
            check=lambda file: check_parity(file, spec, network, backbone=VGG19, weights=broken, patches=PATCHES),
        )  # fmt: skip


def test_a_contract_that_is_not_the_one_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="contract read back is not the one written"):
        _write(tmp_path / "m.onnx", macs=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BadModel("no")])
def test_a_failed_export_keeps_the_older_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"older")
    spec, network, _ = _setup("exact")

    def fail(_: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        write_model(spec, network, path, check=fail)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("m.onnx", b"older")]


@pytest.mark.parametrize("place", ["nowhere/m.onnx", "folder.onnx"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(BadEnvironment, match=r"onnx: cannot be written: .*"):
        _write(tmp_path / place)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["folder.onnx"]


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadEnvironment, match=r"m\.onnx: cannot be written: No space left on device"):
        _write(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
