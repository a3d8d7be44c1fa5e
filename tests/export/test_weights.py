"""Weights: what is read, which input convention they get, and every way a file can be wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
import torch
import torchvision
from safetensors.numpy import save_file

from cdedge_export.network import weights as weights_module
from cdedge_export.network.backbones import SQUEEZENET1_1, VGG19, VGGM
from cdedge_export.network.bundled import default_weights
from cdedge_export.network.weights import Weights, load_weights
from cdedge_export.onnx_net.torchvision_net import open_network
from cdedge_runtime.errors import BadEnvironment, BadModel, CdedgeError, Usage
from cdedge_runtime.model.contract import InputConvention
from tests.export.random_nets import random_state


def save_pth(path: Path, state: dict[str, np.ndarray]) -> Path:
    torch.save({key: torch.from_numpy(value) for key, value in state.items()}, path)
    return path


@pytest.fixture
def vgg_file(tmp_path: Path) -> Path:
    return save_pth(tmp_path / "vgg.pth", random_state(VGG19, ["12"]))


def test_a_file_of_the_first_layers_is_enough_for_them(vgg_file: Path) -> None:
    weights = load_weights(str(vgg_file), VGG19, taps=["11"])
    assert set(weights.state) == {"features.0.weight", "features.0.bias"}
    np.testing.assert_array_equal(weights.state["features.0.weight"], random_state(VGG19, ["12"])["features.0.weight"])
    assert weights.info.name == "vgg.pth"
    assert weights.info.sha256 == hashlib.sha256(vgg_file.read_bytes()).hexdigest()
    assert weights.info.licence.startswith("unknown")


def test_safetensors_of_half_precision_are_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "vgg.safetensors"
    state = {key: value.astype(np.float16) for key, value in random_state(VGG19, ["11"]).items()}
    save_file(state, path)
    loaded = load_weights(str(path), VGG19, taps=["11"]).state
    assert all(value.dtype == np.float32 for value in loaded.values())
    np.testing.assert_array_equal(loaded["features.0.weight"], state["features.0.weight"])


def test_a_wrapped_state_dict_is_unwrapped(tmp_path: Path) -> None:
    state = {key: torch.from_numpy(value) for key, value in random_state(VGG19, ["11"]).items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "wrapped.pt")
    loaded = load_weights(str(tmp_path / "wrapped.pt"), VGG19, taps=["11"]).state
    assert {key: value.tolist() for key, value in loaded.items()} == {k: v.tolist() for k, v in state.items()}


def test_a_file_follows_the_authors_convention_unless_told_otherwise(vgg_file: Path) -> None:
    plain = load_weights(str(vgg_file), VGG19, taps=["11"])
    assert (plain.convention.order, plain.convention.mean) == ("BGR", (103.939, 116.779, 123.68))
    assert plain.convention_reason.startswith("caffe: the network's authors'")
    asked = load_weights(str(vgg_file), VGG19, taps=["11"], convention="torchvision")
    assert (asked.convention.order, asked.convention.scale) == ("RGB", 1 / 255)
    assert asked.convention_reason == "torchvision: as asked"


def test_a_safetensors_file_can_state_its_convention_and_licence(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    save_file(random_state(VGG19, ["11"]), path, {"convention": "torchvision", "licence": "MIT"})
    weights = load_weights(str(path), VGG19, taps=["11"])
    assert weights.convention.order == "RGB"
    assert weights.convention_reason == "torchvision: as the file says"
    assert weights.info.licence == "MIT"


def test_torchvisions_own_file_is_recognised_by_its_bytes(vgg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "_sha256", lambda _: "dcbb9e9d" + "0" * 56)
    weights = load_weights(str(vgg_file), VGG19, taps=["11"])
    assert weights.convention.order == "RGB"
    assert weights.info.licence.startswith("BSD-3-Clause")


@pytest.mark.parametrize("backbone", [VGG19, SQUEEZENET1_1])
def test_the_hash_torchvision_checks_is_the_one_recorded(backbone: weights_module.Backbone) -> None:
    url = torchvision.models.get_weight(backbone.published).url
    assert url.endswith(f"-{backbone.published_sha256}.pth")


def _missing(state: dict[str, np.ndarray]) -> None:
    del state["features.2.bias"]


def _shaped(state: dict[str, np.ndarray]) -> None:
    state["features.2.weight"] = np.zeros((64, 32, 3, 3), np.float32)


def _zero(state: dict[str, np.ndarray]) -> None:
    state["features.2.weight"][:] = 0


def _nan(state: dict[str, np.ndarray]) -> None:
    state["features.0.bias"][3] = np.nan


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_missing, r"v\.pth: expected features\.2\.bias of shape \(64,\), found no such entry"),
        (_shaped, r"v\.pth: features\.2\.weight: expected shape \(64, 64, 3, 3\), found \(64, 32, 3, 3\)"),
        (_zero, r"v\.pth: features\.2\.weight: expected trained weights, found nothing but zeros"),
        (_nan, r"v\.pth: features\.0\.bias: expected finite numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_entry(
    tmp_path: Path, spoil: Callable[[dict[str, np.ndarray]], None], text: str
) -> None:
    state = random_state(VGG19, ["12"])
    spoil(state)
    path = save_pth(tmp_path / "v.pth", state)
    with pytest.raises(BadModel, match=text):
        load_weights(str(path), VGG19, taps=["11", "12"])


def test_a_layer_deeper_than_the_file_is_told(vgg_file: Path) -> None:
    with pytest.raises(BadModel, match=r"expected features\.5\.weight of shape \(128, 64, 3, 3\)"):
        load_weights(str(vgg_file), VGG19, taps=["21"])


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    path = save_pth(tmp_path / "s.pth", random_state(SQUEEZENET1_1, ["fire2"]))
    with pytest.raises(BadModel, match=r"features\.2\.weight|features\.0\.weight"):
        load_weights(str(path), VGG19, taps=["12"])


@pytest.mark.parametrize("name", ["v.pth", "v.pt", "v.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut"])
def test_damaged_files_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadModel, match=f"{name}: cannot be read as"):
        load_weights(str(path), VGG19, taps=["11"])


def test_a_cut_file_is_told(vgg_file: Path) -> None:
    vgg_file.write_bytes(vgg_file.read_bytes()[:-2000])
    with pytest.raises(BadModel, match="cannot be read as a PyTorch state dict"):
        load_weights(str(vgg_file), VGG19, taps=["11"])


def test_a_file_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Path("x")}, tmp_path / "evil.pth")
    with pytest.raises(BadModel, match="cannot be read as a PyTorch state dict"):
        load_weights(str(tmp_path / "evil.pth"), VGG19, taps=["11"])


def test_a_tensor_is_no_state_dict(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(BadModel, match=r"expected a state dict .* found Tensor"):
        load_weights(str(tmp_path / "tensor.pth"), VGG19, taps=["11"])


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (
            "nowhere.pth",
            BadModel,
            "nowhere.pth: no such file of weights; give a file, 'bundled' or 'imagenet'",
        ),
        (".", BadModel, "no such file of weights"),
    ],
)
def test_a_missing_file_is_told(text: str, error: type[CdedgeError], told: str) -> None:
    with pytest.raises(error, match=told):
        load_weights(text, VGG19, taps=["11"])


def test_another_kind_of_file_is_told_with_the_kinds(tmp_path: Path) -> None:
    (tmp_path / "v.h5").touch()
    with pytest.raises(Usage, match=r"read from \.pth \.pt \.safetensors, not from \.h5"):
        load_weights(str(tmp_path / "v.h5"), VGG19, taps=["11"])
    (tmp_path / "v.mat").touch()
    with pytest.raises(Usage, match=r"not from \.mat"):
        load_weights(str(tmp_path / "v.mat"), VGG19, taps=["11"])


@pytest.mark.parametrize("text", ["bundled", "imagenet"])
def test_a_convention_belongs_to_a_file(text: str) -> None:
    with pytest.raises(Usage, match="convention: it describes"):
        load_weights(text, VGG19, taps=["11"], convention="caffe")


def test_an_unknown_convention_is_told_with_the_known_ones(vgg_file: Path) -> None:
    with pytest.raises(Usage, match="one of caffe, torchvision, "):
        load_weights(str(vgg_file), VGG19, taps=["11"], convention="keras")


def test_a_convention_can_be_spelled_out(vgg_file: Path) -> None:
    weights = load_weights(str(vgg_file), VGG19, taps=["11"], convention="rgb:scale=1/255:mean=0.5")
    assert weights.convention == InputConvention("RGB", 1 / 255, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))


def test_bundled_weights_reach_to_21() -> None:
    weights = load_weights("bundled", VGG19, taps=["11", "12", "21"])
    assert weights.state["features.5.weight"].shape == (128, 64, 3, 3)
    assert weights.convention.order == "BGR"
    assert weights.info.licence.startswith("Apache-2.0")
    assert "on 500 photographs and 3294 frames of 9 videos that are under research terms" in weights.info.licence
    with pytest.raises(Usage, match=r"hold 11 12 21, not 11\+31: use imagenet or the path of a file"):
        load_weights("bundled", VGG19, taps=["11", "31"])
    with pytest.raises(Usage, match="no weights of vggm are bundled"):
        load_weights("bundled", VGGM, taps=["conv1"])


def test_the_default_is_bundled_as_deep_as_it_goes() -> None:
    assert default_weights(VGG19, ["11", "21"]) == "bundled"
    assert default_weights(VGG19, ["22"]) == "imagenet"
    assert default_weights(SQUEEZENET1_1, ["conv1"]) == "imagenet"


def test_imagenet_without_network_names_the_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(BadEnvironment, match=r"no route to host.*use 'bundled' or the path of a file"):
        load_weights("imagenet", VGG19, taps=["11"])
    with pytest.raises(BadEnvironment, match=r"use the path of a file"):
        load_weights("imagenet", SQUEEZENET1_1, taps=["conv1"])
    with pytest.raises(Usage, match="torchvision has no weights of vggm"):
        load_weights("imagenet", VGGM, taps=["conv1"])


def test_what_pytorch_says_of_a_download_is_no_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(BadEnvironment):
        load_weights("imagenet", VGG19, taps=["11"])
    with pytest.raises(BadEnvironment):
        open_network("alexnet", "imagenet")
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("Downloading")) == ("", 2)


def test_imagenet_follows_torchvisions_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The download is replaced by the file it would have left in torch's cache."""
    name = f"vgg19-{VGG19.published_sha256}.pth"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    path = save_pth(tmp_path / "hub" / "checkpoints" / name, random_state(VGG19, ["11"]))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = load_weights("imagenet", VGG19, taps=["11"])
    assert (weights.convention.order, weights.convention.mean) == ("RGB", (0.485, 0.456, 0.406))
    assert weights.info.name == "VGG19_Weights.IMAGENET1K_V1"
    assert weights.info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def _mat_layers(state: dict[str, np.ndarray], style: str) -> np.ndarray:
    layers = []
    for name, key in {"conv1": "features.0", "conv2": "features.4"}.items():
        filters = state[f"{key}.weight"].transpose(2, 3, 1, 0)
        biases = state[f"{key}.bias"][None]
        if style == "weights":
            cell = np.empty(2, object)
            cell[:] = [filters, biases]
            layers.append({"name": name, "type": "conv", "weights": cell})
        else:
            layers.append({"name": name, "type": "conv", "filters": filters, "biases": biases})
        layers.append({"name": f"relu{name[-1]}", "type": "relu"})
    cells = np.empty(len(layers), object)
    cells[:] = layers
    return cells


def _load_mat(tmp_path: Path, content: dict[str, object]) -> Weights:
    scipy.io.savemat(tmp_path / "m.mat", content)
    return load_weights(str(tmp_path / "m.mat"), VGGM, taps=["norm1", "conv2"])


@pytest.mark.parametrize("style", ["weights", "filters"])
def test_matconvnet_files_are_read(tmp_path: Path, style: str) -> None:
    state = random_state(VGGM, ["conv2"])
    weights = _load_mat(tmp_path, {"layers": _mat_layers(state, style)})
    for key, value in state.items():
        np.testing.assert_array_equal(weights.state[key], value)
    assert (weights.convention.order, weights.convention.mean) == ("RGB", (123.68, 116.779, 103.939))


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 1, 3), (3, 1), (1, 3)])
@pytest.mark.parametrize("under", ["meta", "top"])
def test_a_matconvnet_files_average_image_is_the_mean(tmp_path: Path, shape: tuple[int, ...], under: str) -> None:
    image = np.broadcast_to(np.array([120.0, 110.0, 100.0]).reshape((3, 1) if shape == (3, 1) else (3,)), shape)
    normalization = {"normalization": {"averageImage": image}}
    content = {"meta": normalization} if under == "meta" else normalization
    weights = _load_mat(tmp_path, {"layers": _mat_layers(random_state(VGGM, ["conv2"]), "weights"), **content})
    assert weights.convention.mean == (120.0, 110.0, 100.0)
    assert weights.convention_reason.endswith("the mean is the file's")


def test_a_matconvnet_file_without_layers_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="expected a MatConvNet network with 'layers', found net"):
        _load_mat(tmp_path, {"net": np.zeros(3)})


def test_a_matconvnet_layer_without_filters_is_told(tmp_path: Path) -> None:
    cells = np.empty(1, object)
    cells[:] = [{"name": "conv1", "type": "conv"}]
    with pytest.raises(BadModel, match=r"layer conv1: expected filters \(h, w, in, out\) and biases"):
        _load_mat(tmp_path, {"layers": cells})


def test_a_damaged_matconvnet_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.mat").write_bytes(b"MATLAB 7.3 MAT-file, not really" * 10)
    with pytest.raises(BadModel, match=r"m\.mat: cannot be read as a MatConvNet file"):
        load_weights(str(tmp_path / "m.mat"), VGGM, taps=["conv1"])
