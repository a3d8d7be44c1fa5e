"""The deep network learns from a teacher, repeats itself, goes on where it stopped, is written as it was trained."""

import json
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.bundled import default_weights
from cdedge_export.network.prune import full_network
from cdedge_export.network.torch_net import applied
from cdedge_export.network.weights import load_weights
from cdedge_export.training import deep_loop, store
from cdedge_export.training.__main__ import main
from cdedge_export.training.deep import TAPS, Deep
from cdedge_export.training.deep_loop import DeepRecipe, train_deep
from cdedge_export.training.footage import Footage
from cdedge_export.training.teacher import Teacher, load_teacher, scale
from cdedge_runtime.errors import BadInput, BadModel
from tests.export.small_footage import save_footage, small_footage

TINY = ((64, 1),)


def save_teacher(path: Path, stride: int = 16) -> Path:
    """Write five weighted sums of the colours in each cell."""
    colours = np.random.default_rng(0).normal(0, 0.01, (5, 3, 1, 1)).astype(np.float32)
    weight = np.tile(colours, (1, 1, stride, stride))
    node = helper.make_node("Conv", ["pixels", "w"], ["maps"], strides=[stride, stride])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, "h", "w"])
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 5, None, None])
    graph = helper.make_graph([node], "teacher", [pixels], [maps], [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return load_teacher(save_teacher(tmp_path_factory.mktemp("teacher") / "teacher.onnx"))


@pytest.fixture(scope="module")
def footage() -> Footage:
    return small_footage()


def test_the_error_to_the_teacher_falls(footage: Footage, teacher: Teacher) -> None:
    recipe = DeepRecipe(steps=60, warmup_steps=5, filter_share=0.0, averaging=0.9, windows=TINY)
    *_, last = train_deep(footage, teacher, recipe)
    fresh = Deep(teacher.channels).eval()
    measure = deep_loop._teachers_scale(footage, teacher, recipe)

    def unseen(net: Deep) -> float:
        with torch.no_grad():
            losses = [deep_loop._losses(net, footage, teacher, measure, recipe, step)[0] for step in range(900, 910)]
        return float(torch.stack(losses).mean())

    assert unseen(last.average) < 0.8 < unseen(fresh)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(footage: Footage, teacher: Teacher, tmp_path: Path) -> None:
    recipe = DeepRecipe(steps=4, seed=1, windows=TINY)

    def trained(recipe: DeepRecipe, checkpoint: dict | None = None) -> torch.Tensor:
        *_, last = train_deep(footage, teacher, recipe, checkpoint)
        return last.average.state()["features.7.weight"]

    steps = train_deep(footage, teacher, recipe)
    next(steps)
    half = next(steps)
    store.write_checkpoint(tmp_path / "c", {**half.checkpoint, "recipe": json.dumps(vars(recipe))})
    whole = trained(recipe)
    assert torch.equal(trained(recipe, store.read_checkpoint(tmp_path / "c", recipe)), whole)
    assert not torch.equal(trained(DeepRecipe(steps=4, seed=2, windows=TINY)), whole)
    with pytest.raises(BadInput, match="another recipe"):
        store.read_checkpoint(tmp_path / "c", DeepRecipe(steps=5))
    (tmp_path / "c").write_bytes(b"torn")
    with pytest.raises(BadInput, match="cannot be read"):
        store.read_checkpoint(tmp_path / "c", recipe)


def test_the_written_file_is_the_trained_network(footage: Footage, teacher: Teacher, tmp_path: Path) -> None:
    *_, last = train_deep(footage, teacher, DeepRecipe(steps=3, windows=TINY))
    path = tmp_path / "deep.safetensors"
    store.write(path, last.average.state(), {"convention": "bgr"})
    network = full_network(CDEDGE_DEEP, load_weights(str(path), CDEDGE_DEEP, taps=TAPS), TAPS)
    pixels = torch.rand(2, 3, 80, 112, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        trained, _ = last.average(pixels)
        found, x = {}, pixels
        for step in network.steps:
            if step.name in TAPS and step.name in found:
                continue
            if hasattr(step, "weight"):
                x = found[step.name] = applied(step, x)
    assert [tuple(found[tap].shape[2:]) for tap in TAPS] == [(10, 14), (5, 7)]  # strides 8 and 16
    for tap in TAPS:
        torch.testing.assert_close(found[tap], trained[tap], rtol=2e-2, atol=2e-2)


def test_the_teachers_channels_count_the_same() -> None:
    maps = torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 50.0]).view(
        1, 2, 1, 1
    )
    measure = scale(maps + 7)
    assert measure.error(torch.zeros_like(maps), maps + 7) == pytest.approx(1, abs=0.02)
    standard = (maps + 7 - measure.mean) / measure.deviation
    assert measure.error(standard, maps + 7) == 0
    one_wrong = torch.stack([standard[:, 0], 0 * standard[:, 1]], dim=1)
    assert measure.error(one_wrong, maps + 7) == pytest.approx(0.5, abs=0.02)


def test_a_teacher_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="stride 16"):
        load_teacher(save_teacher(tmp_path / "fine.onnx", stride=8))
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    with pytest.raises(BadModel, match=r"torn\.onnx: expected an ONNX network"):
        load_teacher(tmp_path / "torn.onnx")


def test_the_script_writes_the_file(footage: Footage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    save_footage(tmp_path, footage)
    output, teacher = tmp_path / "deep.safetensors", save_teacher(tmp_path / "teacher.onnx")
    arguments = ["--data", str(tmp_path), str(tmp_path), "--teacher", str(teacher), "-o", str(output), "--steps", "1"]
    monkeypatch.setattr(sys, "argv", ["training", "deep", *arguments, "--seed", "5"])
    assert main() == 0
    out, err = capsys.readouterr()
    assert "1 steps" in out
    assert "8 photographs and 12 frames of 2 videos (thing, thing)" in err
    assert not output.with_suffix(".checkpoint").exists()
    with safe_open(output, framework="pt") as file:
        notes = file.metadata()
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118 - no mapping
    assert notes["teacher"].startswith("teacher.onnx, SHA-256 ")
    assert json.loads(notes["recipe"])["seed"] == 5
    assert "teacher" in notes["licence"]
    monkeypatch.setattr(sys, "argv", ["training", "deep", *arguments[:-1], "1", "--teacher", str(output)])
    assert main() == BadModel.exit_code


def test_the_shipped_file_is_what_was_promised() -> None:
    shipped = resources.files("cdedge_export") / "data" / "cdedge_deep.safetensors"
    with resources.as_file(shipped) as path, safe_open(path, framework="pt") as file:
        assert path.stat().st_size <= 1_000_000
        found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        notes = file.metadata()
    assert {key: tuple(value.shape) for key, value in found.items()} == CDEDGE_DEEP.parameters(CDEDGE_DEEP.taps)
    assert all(value.dtype == torch.float16 and torch.isfinite(value).all() for value in found.values())
    assert all(value.abs().max() < 100 for value in found.values())  # int8 and float16 have room
    assert notes["licence"].startswith("Apache-2.0")
    assert notes["convention"] == "bgr"
    assert notes["teacher"].startswith("nanotrack_v2_backbone.onnx")
    recipe = json.loads(notes["recipe"])
    assert recipe["seed"] == int(notes["seed"])
    assert int(notes["steps_done"]) == recipe["steps"]


def test_the_bundled_weights_are_found_and_carry_their_licence() -> None:
    assert default_weights(CDEDGE_DEEP, TAPS) == "bundled"
    weights = load_weights("bundled", CDEDGE_DEEP, taps=TAPS)
    assert weights.convention == CDEDGE_DEEP.conventions[0][1]
    assert "NanoTrack v2" in weights.info.licence
