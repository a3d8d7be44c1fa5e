"""The box head learns from true boxes and from a teacher, sees each target once, and is written as it was trained."""

import json
import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.own_head import CDEDGE_HEAD
from cdedge_export.onnx_net.own_head import head_onnx
from cdedge_export.training import box_loop, seen
from cdedge_export.training.__main__ import main
from cdedge_export.training.box_loop import BoxRecipe, cells, distances, drawn, overlap, train_boxes
from cdedge_export.training.boxed import WINDOWS, _Place, boxed
from cdedge_export.training.seen import Seen, TeachingTracker, digest_of, gathered
from cdedge_export.training.warp import Pose, target_px
from cdedge_runtime.errors import BadModel
from tests.export.small_footage import save_footage, small_footage


def save_teacher(folder: Path) -> tuple[Path, Path]:
    """Write a backbone of three mean colours and a head that takes bright cells for the target, 20 px to each side."""
    mean = np.zeros((3, 3, 16, 16), np.float32)
    mean[range(3), range(3)] = 1 / 256
    pixels, maps = _real("pixels", (1, 3, "h", "w")), _real("maps", (1, 3, None, None))
    node = helper.make_node("Conv", ["pixels", "w"], ["maps"], strides=[16, 16])
    _save(folder / "backbone.onnx", [node], [pixels], [maps], {"w": mean})
    sides = {"bright": np.array([[-0.1] * 3, [0.1] * 3], np.float32)[..., None, None]}
    sides |= {"none": np.zeros((4, 3, 1, 1), np.float32), "px": np.full(4, 20, np.float32)}
    small, large = _real("z", (1, 3, 8, 8)), _real("x", (1, 3, 16, 16))
    nodes = [helper.make_node("Conv", ["x", "none", "px"], ["sides"])]
    nodes.append(helper.make_node("Conv", ["x", "bright"], ["score"]))
    outputs = [_real("sides", (1, 4, 16, 16)), _real("score", (1, 2, 16, 16))]
    _save(folder / "head.onnx", nodes, [large, small], outputs, sides)
    return folder / "backbone.onnx", folder / "head.onnx"


def _real(name: str, shape: tuple) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(path: Path, nodes: list, inputs: list, outputs: list, weights: dict) -> None:
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "teacher", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("seen")
    return gathered(small_footage(), TeachingTracker(*save_teacher(folder)), 6, 0, folder)


@pytest.mark.parametrize("pose", [Pose((0.1, -0.05), 0, 1.5, False), Pose((0, 0), np.pi / 2, 0.8, True)])
def test_a_true_box_lies_around_what_the_window_shows(pose: Pose) -> None:
    image = np.zeros((90, 120, 3), np.uint8)
    image[30:54, 50:66] = 255
    place = _Place(image, np.array([58.0, 42.0]), np.array([16.0, 24.0]))
    window = place.view(pose, 80, 256, np.random.default_rng(0))
    rows, columns = np.nonzero(window[..., 0] > 127)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    center, extent = target_px(pose, 256), place.extent(pose, 80, 256)
    np.testing.assert_allclose(found, np.concatenate([center - extent / 2, center + extent / 2]), atol=1)


def test_a_target_is_the_same_for_the_same_seed_and_absent_now_and_then() -> None:
    footage = small_footage()
    one, again = (boxed(footage, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.windows, again.windows)
    assert one.template.shape == (128, 128, 3)
    boxes = np.stack([boxed(footage, np.random.default_rng(n)).boxes for n in range(40)])
    absent = np.isnan(boxes).any(axis=2)
    assert boxes.shape == (40, WINDOWS, 4)
    assert 0 < absent.mean() < 0.3
    assert (boxes[~absent][:, 2:] > boxes[~absent][:, :2]).all()


def test_cells_know_whether_they_show_the_target_and_how_far_its_sides_are() -> None:
    boxes = torch.tensor([[96.0, 64.0, 160.0, 128.0], [np.nan] * 4, [70.0, 70.0, 74.0, 74.0]])
    inside, outside = cells(boxes)
    assert inside[0, 6, 8] == 1  # at (128, 96), its center
    assert outside[0, 6, 8] == 0
    assert inside[0, 6, 9] == inside[0, 5, 8] == 1  # half way to a side
    assert inside[0, 6, 10] == outside[0, 6, 10] == 0  # on a side: neither
    assert outside[0, 6, 11] == 1
    assert inside[1].sum() == 0
    assert outside[1].all()
    assert inside[2].nonzero().tolist() == [[4, 4], [4, 5], [5, 4], [5, 5]] or inside[2].sum() == 1
    assert distances(boxes)[0, :, 6, 8].tolist() == [32, 32, 32, 32]
    assert distances(boxes)[0, :, 5, 9].tolist() == [48, 16, 16, 48]


def test_boxes_overlap_as_boxes_do() -> None:
    def sides(*values: float) -> torch.Tensor:
        return torch.tensor(values).view(1, 4, 1, 1)

    assert overlap(sides(2, 2, 2, 2), sides(2, 2, 2, 2)).item() == 1
    assert overlap(sides(2, 2, 0, 2), sides(2, 2, 2, 2)).item() == pytest.approx(0.5)
    assert overlap(sides(1, 1, 1, 1), sides(-2, 1, 4, 1)).item() == 0


def test_what_was_seen_is_not_seen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = TeachingTracker(*save_teacher(tmp_path))
    first = gathered(small_footage(), teacher, 2, 3, tmp_path)
    assert (first.templates.shape, first.windows.shape) == ((2, 96, 8, 8), (2, WINDOWS, 96, 16, 16))
    assert np.allclose(first.answers[:, :, 2:], 20)
    monkeypatch.setattr(seen, "boxed", None)
    np.testing.assert_array_equal(gathered(small_footage(), teacher, 2, 3, tmp_path).windows, first.windows)


def test_what_was_seen_by_another_network_or_teacher_is_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, head = save_teacher(tmp_path)
    first = digest_of("data", backbone, head)
    assert digest_of("data", backbone, head) == first
    assert digest_of("data", head, backbone) != first
    monkeypatch.setattr(seen, "bundled_state", lambda _name: ({}, SimpleNamespace(sha256="another")))
    assert digest_of("data", backbone, head) != first


def test_a_teacher_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    backbone, head = save_teacher(tmp_path)
    with pytest.raises(BadModel, match=r"backbone\.onnx: expected inputs"):
        TeachingTracker(backbone, backbone)
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    with pytest.raises(BadModel, match="expected an ONNX network"):
        TeachingTracker(tmp_path / "torn.onnx", head)


def test_the_losses_fall_and_a_seed_repeats_itself(some: Seen) -> None:
    recipe = BoxRecipe(steps=30, batch=4, warmup_steps=5, averaging=0.9)
    first, *_, last = train_boxes(some, recipe)
    assert sum(last.losses.values()) < 0.7 * sum(first.losses.values())
    *_, again = train_boxes(some, recipe)
    assert torch.equal(again.average.state()["joint.weight"], last.average.state()["joint.weight"])


def test_a_teacher_that_has_lost_the_target_is_not_followed(some: Seen) -> None:
    sample = drawn(some, np.random.default_rng(0), 4)
    odds = torch.full((4, 16, 16), -9.0)
    odds[:, 0, 0] = 9  # no box of theirs is there
    answers = torch.stack([-odds, odds, *(torch.ones(4, 16, 16) for _ in range(4))], dim=1)
    wrong = box_loop.Sample(
        sample.templates, sample.windows, answers, torch.full((4, 4), 100.0) + torch.tensor([0, 0, 40, 40])
    )
    *_, done = train_boxes(some, BoxRecipe(steps=2, batch=2))
    losses = box_loop.box_losses(done.average, wrong, taught=1.0)
    assert losses["taught score"] == losses["taught box"] == 0
    assert losses["score"] > 0


def test_the_written_head_is_the_trained_one(some: Seen) -> None:
    *_, last = train_boxes(some, BoxRecipe(steps=3, batch=4))
    state = {name: value.numpy() for name, value in last.average.state().items()}
    assert {name: value.shape for name, value in state.items()} == CDEDGE_HEAD.parameters()
    model = head_onnx(CDEDGE_HEAD, state, (16, 16))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    template, window = (torch.from_numpy(x[:1].astype(np.float32)) for x in (some.templates, some.windows[:, 0]))
    score, sides = session.run(None, {"template_maps": template.numpy(), "window_maps": window.numpy()})
    with torch.no_grad():
        logits, logs = last.average(template, window)
    np.testing.assert_allclose(score, logits, atol=0.02)
    np.testing.assert_allclose(np.log(sides), logs, atol=0.02)


def test_the_script_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    save_footage(tmp_path, small_footage())
    output, teacher = tmp_path / "head.safetensors", [str(path) for path in save_teacher(tmp_path)]
    asked = ["--data", str(tmp_path), "--teacher", *teacher, "--seen", str(tmp_path / "seen"), "-o", str(output)]
    monkeypatch.setattr(sys, "argv", ["training", "head", *asked, "--targets", "2", "--steps", "1", "--seed", "5"])
    assert main() == 0
    assert "1 steps" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "seen").glob("*/*")] == ["5-000000-2.npz"]
    with safe_open(output, framework="pt") as file:
        notes = file.metadata()
    assert notes["teacher"].startswith("backbone.onnx, SHA-256 ")
    assert (json.loads(notes["recipe"])["targets"], notes["seed"]) == (2, "5")


def test_the_shipped_file_is_what_was_promised() -> None:
    data = resources.files("cdedge_export") / "data"
    shipped = [data / name for name in (CDEDGE_HEAD.bundled, str(CDEDGE_DEEP.bundled))]
    assert sum(len(path.read_bytes()) for path in shipped) <= 1_000_000  # with its network
    with resources.as_file(shipped[0]) as path, safe_open(path, framework="pt") as file:
        found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        notes = file.metadata()
    assert {key: tuple(value.shape) for key, value in found.items()} == CDEDGE_HEAD.parameters()
    assert all(value.dtype == torch.float16 and torch.isfinite(value).all() for value in found.values())
    assert notes["licence"].startswith("Apache-2.0")
    assert notes["teacher"].count("SHA-256") == 2
    assert int(notes["steps_done"]) == json.loads(notes["recipe"])["steps"]
