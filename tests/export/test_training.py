"""The training script learns, repeats itself, and what it once wrote is what the package ships."""

import json
import sys
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open

from cdedge_export.training import head, loop, pairs, store, warp
from cdedge_export.training.__main__ import main
from cdedge_export.training.footage import Footage, join, load
from cdedge_export.training.loop import Recipe, train
from cdedge_export.training.net import Front, to_state
from cdedge_runtime.errors import BadEnvironment, BadInput
from tests.export.small_footage import save_footage, small_footage

TINY = ((32, 8, 2),)


@pytest.fixture(scope="module")
def footage() -> Footage:
    return small_footage()


def test_the_loss_falls(footage: Footage) -> None:
    recipe = Recipe(steps=40, subsets=1, warmup_steps=5, windows=TINY)
    steps = train(footage, recipe)
    before = unseen_loss(next(steps).average, footage, recipe)
    *_, last = steps
    assert unseen_loss(last.average, footage, recipe) < before - 0.03


def unseen_loss(net: Front, footage: Footage, recipe: Recipe) -> float:
    rng, generator = np.random.default_rng(9), torch.Generator().manual_seed(9)
    with torch.no_grad():
        return float(np.mean([float(loop._loss(net, footage, recipe, rng, generator)) for _ in range(10)]))


def test_the_same_seed_gives_the_same_weights(footage: Footage) -> None:
    def trained(seed: int) -> torch.Tensor:
        *_, last = train(footage, Recipe(steps=3, seed=seed, windows=TINY))
        return last.state()["features.5.weight"]

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_the_state_takes_pixels_and_gives_the_trained_network(footage: Footage) -> None:
    net = Front()
    state = {name: value.float() for name, value in to_state(dict(net.named_parameters())).items()}
    pixels = torch.from_numpy(footage.photographs[0]).permute(2, 0, 1)[None].float()
    x = pixels - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    plain = torch.relu(torch.conv2d(x, state["features.0.weight"], state["features.0.bias"], padding=1))
    torch.testing.assert_close(plain, net(pixels)[0], rtol=1e-2, atol=2e-2)


def test_a_moved_view_is_answered_by_a_moved_peak() -> None:
    grid, move = 16, (3, -2)
    view = torch.randn(1, 5, grid, grid, generator=torch.Generator().manual_seed(0))
    moved = view.roll((move[1], move[0]), dims=(2, 3))
    spectrum = torch.stack([torch.fft.rfft2(v) for v in (view, moved, moved)], dim=1)
    label = head.labels(torch.tensor([[(0.0, 0.0), move, move]]), torch.tensor([1.0]), grid)
    s = head.cross_spectra(spectrum, torch.ones(1, 5))
    for view_number, response in head.responses(s, label, 1e-9):
        torch.testing.assert_close(response[0, 0], label[0, view_number], rtol=0, atol=1e-4)
        assert head.loss(response, label[:, view_number]) < head.loss(0 * response, label[:, view_number])


def test_cross_spectra_of_disjoint_subsets_add_up() -> None:
    spectrum = torch.fft.rfft2(torch.randn(2, head.VIEWS, 6, 8, 8, generator=torch.Generator().manual_seed(0)))
    masks = torch.tensor([[1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1]]).float()
    for s in head.cross_spectra(spectrum, masks).values():
        torch.testing.assert_close(s[:, 0] + s[:, 1], s[:, 2])


def test_masks_are_all_channels_and_then_subsets() -> None:
    masks = head.subset_masks(1000, 8, torch.Generator().manual_seed(0))
    assert masks[0].all()
    assert ((masks[1:].mean(1) > 0.2) & (masks[1:].mean(1) < 0.8)).all()


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2])
def test_a_window_shows_the_target_where_its_pose_says(angle: float, mirror: bool) -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(image, (90, 41), 6, (255, 255, 255), -1)
    pose = warp.Pose((0.2, -0.1), angle, 1.1, mirror)
    window = warp.cut(image, (90.5, 41.5), 80.0, pose, 64)[..., 0]
    ys, xs = np.mgrid[:64, :64] + 0.5
    center = np.array([(xs * window).sum(), (ys * window).sum()]) / window.sum()
    np.testing.assert_allclose(center, warp.target_px(pose, 64), atol=0.1)


def test_a_batch_is_labelled_in_cells(footage: Footage) -> None:
    seen = pairs.batch(footage, np.random.default_rng(0), 12, size=32, grid=16)
    assert seen.windows.shape == (36, 3, 32, 32)
    assert seen.windows.min() >= 0
    assert seen.windows.max() <= 255
    assert (seen.shift[:, 0].abs() <= 0.01 * 16).all()
    assert 0.1 * 16 < seen.shift[:, 2].abs().max() <= 0.3 * 16


def test_equal_weights_give_equal_files_and_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    state, recipe = to_state(dict(Front().named_parameters())), Recipe(steps=1, seed=7)
    for name in ("a", "b"):
        store.write(tmp_path / name, state, store.front_notes(recipe, 1, "noise"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert file.metadata()["seed"] == "7"
        assert torch.equal(file.get_tensor("features.2.weight"), state["features.2.weight"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadEnvironment, match="cannot be written"):
        store.write(tmp_path / "folder", state, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "folder"]


@pytest.fixture
def data(tmp_path: Path, footage: Footage) -> Path:
    save_footage(tmp_path, footage)
    return tmp_path


def test_the_script_writes_the_file(data: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    output = data / "front.safetensors"
    arguments = ["training", "front", "--data", str(data), "-o", str(output), "--steps", "2", "--seed", "5"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 0
    with safe_open(output, framework="pt") as file:
        assert json.loads(file.metadata()["recipe"])["steps"] == 2
    out, err = capsys.readouterr()
    assert "2 steps" in out
    assert "4 photographs and 6 frames of 1 videos (thing)" in err


def test_the_script_refuses_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    output = tmp_path / "front.safetensors"
    monkeypatch.setattr(sys, "argv", ["training", "front", "--data", str(tmp_path), "-o", str(output)])
    assert main() == BadInput.exit_code
    assert "found no photographs" in capsys.readouterr().err
    assert not output.exists()


def test_videos_can_be_left_out_and_must_have_a_box_a_frame(data: Path) -> None:
    assert load(data, leave_out=("thing",)).videos == ()
    (data / "videos" / "thing" / "img" / "0005.jpg").unlink()
    with pytest.raises(BadInput, match="5 frames, but 6 boxes"):
        load(data)


def test_a_video_may_have_several_targets_and_a_photograph_boxes(data: Path) -> None:
    folder = data / "videos" / "thing"
    boxes = np.loadtxt(folder / "groundtruth_rect.txt", delimiter=",")
    boxes[1] = np.nan
    np.savetxt(folder / "groundtruth_rect.2.txt", boxes, "%.2f", ",")
    (data / "boxes.csv").write_text(
        "image,x,y,w,h,class\n2.jpg,10,20,30,16,fox\n2.jpg,1,2,16,16,hen\ngone.jpg,1,1,9,9,\n"
    )
    loaded = load(data)
    assert [(video.name, len(video.frames)) for video in loaded.videos] == [("thing.2", 5), ("thing", 6)]
    both = join([load(data), loaded])
    assert sorted(both.objects) == [2, 6]
    assert both.objects[6].tolist() == [[10, 20, 30, 16], [1, 2, 16, 16]]
    assert both.photographs[6] is loaded.photographs[2]
    extent, center = pairs._object(both.objects[6][:1], np.random.default_rng(0))
    assert (extent.tolist(), center.tolist()) == ([30, 16], [25, 28])


def test_the_shipped_file_is_what_was_promised() -> None:
    shipped = resources.files("cdedge_export") / "data" / "vgg19_front.safetensors"
    shapes = {"0": (64, 3, 3, 3), "2": (64, 64, 3, 3), "5": (128, 64, 3, 3)}
    with resources.as_file(shipped) as path, safe_open(path, framework="pt") as file:
        assert path.stat().st_size <= 300_000
        assert sorted(file.keys()) == sorted(f"features.{i}.{kind}" for i in shapes for kind in ("weight", "bias"))
        for key in file.keys():  # noqa: SIM118 - no mapping
            tensor = file.get_tensor(key)
            assert tensor.dtype == torch.float16
            assert torch.isfinite(tensor).all()
            shape = shapes[key.split(".")[1]]
            assert tuple(tensor.shape) == (shape if key.endswith("weight") else shape[:1])
        notes = file.metadata()
    assert notes["licence"].startswith("Apache-2.0")
    assert notes["convention"] == "caffe"
    recipe = json.loads(notes["recipe"])
    assert recipe["seed"] == int(notes["seed"])
    assert int(notes["steps_done"]) == recipe["steps"]
