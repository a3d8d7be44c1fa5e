"""MDNet from weights to boxes, with a scaled-down network: export, pruning, tracking, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")
import torch

from cdedge_export.choose.plan import DistillOptions
from cdedge_export.network import backbones
from cdedge_export.network.backbones import Backbone, mdnet_backbone
from cdedge_export.network.weights import load_weights
from cdedge_export.recipes.mdnet import Samples, distill_samples, margin, pruned_head, surrogate
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, BadModel, NotInitialized, Usage
from cdedge_runtime.estimate import no_lap
from cdedge_runtime.model.session import Extractor, read_spec
from cdedge_runtime.opening import open_tracker, tracker_with
from cdedge_runtime.trackers.mdnet import candidates
from cdedge_runtime.trackers.mdnet.classifier import Dense, forward
from cdedge_runtime.trackers.mdnet.crops import BATCH, CropNetwork, crop
from tests.conftest import Done, MovingSquare
from tests.export.random_nets import random_state

Run = Callable[..., Done]
CONVS, WIDTH = (8, 12, 16), 24
FEW = "candidates=96 first_positives=60 first_negatives=120 positives=20 negatives=40 mined=100 box_samples=40"
DESCENT = "first_rate=0.003 rate=0.003 first_iterations=60 dropout=0"
FAST = [word for text in f"{FEW} {DESCENT}".split() for word in ("--set", text)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Backbone]:
    """Both networks scaled down under their own names."""
    nets = {
        "mdnet": mdnet_backbone("mdnet", lrn=(5, 5e-4, 2.0), convs=CONVS, dense=WIDTH),
        "pymdnet": mdnet_backbone("pymdnet", lrn=(2, 1e-4, 1.0), convs=CONVS, dense=WIDTH),
    }
    for name, net in nets.items():
        monkeypatch.setitem(backbones.BACKBONES, name, net)
    return nets


@pytest.fixture
def pth(tmp_path: Path, small: dict[str, Backbone]) -> Path:
    """As py-MDNet's authors save it."""
    state = random_state(small["pymdnet"], ["conv3"])
    torch.save({"shared_layers": {key: torch.from_numpy(v) for key, v in state.items()}}, tmp_path / "mdnet.pth")
    return tmp_path / "mdnet.pth"


@pytest.fixture
def exported(cdedge: Run, square_folder: Path, pth: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that exports the moving square's model."""

    def run(*options: object) -> Path:
        out = tmp_path / "mdnet.onnx"
        done = cdedge(
            "export", square_folder, "--tracker", "mdnet", "--weights", pth, *FAST, *options, "-o", out, "--json"
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["parity"]["max_rel"] < 1e-4
        return out

    return run


def save_mat(path: Path, net: Backbone, state: dict[str, np.ndarray]) -> Path:
    """As MatConvNet stores a network: (h, w, in, out), fully connected layers as convolutions over the map."""
    layers = []
    for layer in (*net.layers, *net.head):
        if not hasattr(layer, "key"):
            layers.append({"name": layer.name, "type": "other"})
            continue
        weight, bias = state[f"{layer.key}.weight"], state[f"{layer.key}.bias"]
        if layer.name == "fc4":
            weight = weight.reshape(len(weight), -1, 3, 3)
        weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim)).transpose(2, 3, 1, 0)
        layers.append({"name": layer.name, "type": "conv", "filters": weight, "biases": bias})
    scipy.io.savemat(path, {"layers": np.array(layers, object)})
    return path


def test_mat_and_pth_of_the_same_weights_are_read_alike(small: dict[str, Backbone], pth: Path, tmp_path: Path) -> None:
    state = random_state(small["pymdnet"], ["conv3"])
    mat = save_mat(tmp_path / "mdnet.mat", small["mdnet"], state)
    loaded = [load_weights(str(path), small[name], taps=["conv3"]) for path, name in ((pth, "pymdnet"), (mat, "mdnet"))]
    for weights in loaded:
        assert (weights.convention.order, weights.convention.mean) == ("RGB", (128, 128, 128))
        assert set(weights.state) == set(state)
        for key, value in state.items():
            np.testing.assert_array_equal(weights.state[key], value)


def test_the_square_is_tracked(exported: Callable[..., Path], moving_square: MovingSquare) -> None:
    tracker = open_tracker(exported("--no-distill"), threads=1)
    with pytest.raises(NotInitialized):
        tracker.update(moving_square.frame(0))

    def boxes() -> list[Box]:
        tracker.init(moving_square.frame(0), moving_square.box(0))
        return [tracker.update(moving_square.frame(i)).box for i in range(1, 12)]

    found = boxes()
    assert np.mean([box.iou(moving_square.box(i)) for i, box in enumerate(found, start=1)]) > 0.75
    assert boxes() == found  # the same seed again, after a restart
    assert tracker.sizes().filter_state_bytes > 11 * 60 * 9 * 16 * 4


def test_a_distilled_model_tracks_and_its_file_shrinks(
    cdedge: Run, exported: Callable[..., Path], square_folder: Path
) -> None:
    model = exported("--channels", 6)
    spec = read_spec(model)
    assert (spec.tracker, spec.backbone, spec.channels, spec.taps[0].total) == ("mdnet", "pymdnet", 6, 16)
    head = Extractor(model, threads=1).constants(["fc4.weight", "fc5.bias"])
    assert [value.shape for value in head] == [(WIDTH, 6 * 9), (WIDTH,)]
    done = cdedge("track", model, square_folder, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["boxes"]) == 12
    done = cdedge("bench", model, square_folder, "--frames", 3, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["memory"]["weights_bytes"] == spec.weight_bytes


def test_many_crops_at_once_equal_one_by_one(exported: Callable[..., Path]) -> None:
    network = Extractor(exported("--no-distill"), threads=1)
    crops = np.random.default_rng(0).integers(0, 255, (BATCH + 3, 107, 107, 3), np.uint8)
    together = network.batch(crops)
    assert together.shape == (BATCH + 3, 16, 3, 3)
    one_by_one = np.stack([network(crop).copy() for crop in crops])
    np.testing.assert_allclose(together, one_by_one, atol=1e-4 * np.abs(together).max())


def test_every_box_is_cropped_in_its_own_place(exported: Callable[..., Path], moving_square: MovingSquare) -> None:
    network, image = CropNetwork(Extractor(exported("--no-distill"), threads=1)), moving_square.frame(0)
    boxes = candidates.uniform(
        np.random.default_rng(0), moving_square.box(0), BATCH + 3, shift=1, steps=5, frame_shape=image.shape
    )
    together = network(image, boxes, no_lap)
    alone = np.concatenate([network(image, boxes[i : i + 1], no_lap) for i in range(len(boxes))])
    np.testing.assert_allclose(together, alone, atol=1e-4 * together.max())


def test_a_crop_shows_the_box_with_its_context_and_grey_outside() -> None:
    """107 px for 107/75 of the box, so a box of 75 px is cropped pixel by pixel."""
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    seen = np.empty((107, 107, 3), np.uint8)
    crop(image, np.array([50.0, 40, 75, 75]), out=seen)
    np.testing.assert_array_equal(seen, image[24 : 24 + 107, 34 : 34 + 107])
    crop(image, np.array([-66.0, 40, 75, 75]), out=seen)
    assert (seen[:, :82] == 128).all()
    np.testing.assert_array_equal(seen[:, 82:], image[24 : 24 + 107, :25])


def test_pruned_fc4_on_pruned_conv3_equals_fc4_on_zeroed_channels(small: dict[str, Backbone]) -> None:
    net, kept = small["mdnet"], [1, 4, 11]
    state = random_state(net, ["conv3"])
    maps = np.random.default_rng(1).standard_normal((5, 16, 3, 3)).astype(np.float32)
    zeroed = np.zeros_like(maps)
    zeroed[:, kept] = maps[:, kept]

    def answers(channels: list[int], x: np.ndarray) -> np.ndarray:
        head = pruned_head(net, state, channels)
        layers = [Dense(head[f"{name}.weight"], head[f"{name}.bias"]) for name in ("fc4", "fc5")]
        return forward(layers, x.reshape(5, -1))[-1]

    np.testing.assert_allclose(answers(kept, maps[:, kept]), answers(list(range(16)), zeroed), rtol=1e-4, atol=1e-5)


def test_black_frames_give_no_nan(exported: Callable[..., Path]) -> None:
    tracker, black = open_tracker(exported("--no-distill"), threads=1), np.zeros((160, 200, 3), np.uint8)
    tracker.init(black, Box(60, 50, 30, 24))
    for _ in range(3):
        estimate = tracker.update(black)
        assert np.isfinite([estimate.score, *vars(estimate.box).values()]).all()


def test_small_targets_are_refused(
    cdedge: Run, exported: Callable[..., Path], square_folder: Path, pth: Path, moving_square: MovingSquare
) -> None:
    with pytest.raises(BadInput, match="samples boxes from 10 px"):
        open_tracker(exported("--no-distill"), threads=1).init(moving_square.frame(0), Box(40, 50, 8, 20))
    done = cdedge("export", square_folder, "--box", "41,51,8,20", "--tracker", "mdnet", "--weights", pth)
    assert done.returncode == 1
    assert "samples boxes from 10 px" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ([], 2, "--weights: the tracker mdnet needs"),
        (["--weights", "random", "--layers", "conv3"], 2, "--layers"),
        (["--weights", "random", "--input", "128"], 2, "--input"),
        (["--weights", "random", "--backbone", "squeezenet1_1"], 2, "pymdnet"),
        (["--weights", "random", "--search", "reduced"], 2, "reduced"),
        (["--weights", "random", "--channels", "17"], 2, "16 channels"),
        (["--weights", "bundled"], 2, "no weights of mdnet are bundled"),
        (["--weights", "mdnet.pth", "--backbone", "vggm"], 2, "pymdnet"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    cdedge: Run, square_folder: Path, tmp_path: Path, options: list[str], code: int, text: str
) -> None:
    done = cdedge("export", square_folder, "--tracker", "mdnet", *options, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert not list(tmp_path.glob("*.onnx"))


def test_wrong_or_incomplete_weights_are_named(small: dict[str, Backbone], tmp_path: Path) -> None:
    net = small["pymdnet"]
    state = {key: torch.from_numpy(value) for key, value in random_state(net, ["conv3"]).items()}
    broken = {
        "fc4.0.weight": {**state, "fc4.0.weight": torch.zeros(WIDTH, 99)},
        "fc5.1.bias": {key: value for key, value in state.items() if key != "fc5.1.bias"},
        "conv1.0.weight": {"features.0.weight": torch.zeros(64, 3, 3, 3)},
    }
    for key, content in broken.items():
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(BadModel, match=key):
            load_weights(str(tmp_path / "w.pth"), net, taps=["conv3"])


def test_random_weights_are_called_so(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.onnx"
    done = cdedge("export", square_folder, "--tracker", "mdnet", "--weights", "random", "--no-distill", "-o", out)
    assert done.returncode == 0, done.stderr
    assert "random" in done.stderr
    assert read_spec(out).weights.name == "random (seed 0), untrained"


def samples(seed: int, *, useful: list[int], count: int = 60) -> Samples:
    """Noise in all channels; in the useful ones, the target is brighter."""
    rng = np.random.default_rng(seed)
    maps = rng.standard_normal((count, 12, 3, 3)).astype(np.float32)
    labels = np.repeat(np.array([1, -1], np.float32), count // 2)
    for channel in useful:
        maps[:, channel] += 1.5 * labels[:, None, None]
    return Samples(maps, labels, maps[0])


@pytest.mark.parametrize(("rank", "search"), [("solo", "none"), ("random", "ncc"), ("random", "e4")])
def test_channels_that_tell_the_target_apart_are_kept(rank: str, search: str) -> None:
    useful = [2, 7, 9]
    options = DistillOptions(rank=rank, search=search, channels="3")  # type: ignore[arg-type]
    plan = distill_samples("mdnet", samples(0, useful=useful), samples(1, useful=useful), options)
    assert plan.taps[0].kept == tuple(useful)
    if search != "none":
        assert plan.selection.energy_after < plan.selection.energy_before


def test_the_diverse_order_takes_no_copy_of_a_channel() -> None:
    first, second = (samples(seed, useful=[2, 7]) for seed in (0, 1))
    for made in (first, second):
        made.maps[:, 3] = made.maps[:, 2]
    kept = distill_samples("mdnet", first, second, DistillOptions(rank="diverse", channels="2")).taps[0].kept
    assert 7 in kept
    assert kept != (2, 3)


def test_the_surrogate_is_the_ridge_solution() -> None:
    made = samples(3, useful=[1])
    maps = made.maps.reshape(60, 12, 9)
    weights = surrogate(maps, made.labels)
    rows = maps.reshape(60, -1).astype(np.float64)
    ridge = 0.1 * np.trace(rows @ rows.T) / 60
    primal = np.linalg.solve(rows.T @ rows + ridge * np.eye(108), rows.T @ made.labels)
    np.testing.assert_allclose(weights.ravel(), primal, atol=1e-6)


def test_margin_and_constant_answers() -> None:
    labels = np.array([1, 1, -1, -1], np.float32)
    answers = np.array([[3, 5], [1, 5], [-1, 5], [-3, 5]], np.float32)
    np.testing.assert_allclose(margin(answers, labels), [4 / np.sqrt(2), 0])


def test_reduced_is_refused_with_the_reason() -> None:
    made = samples(0, useful=[1])
    with pytest.raises(Usage, match="ncc"):
        distill_samples("mdnet", made, made, DistillOptions(search="reduced"))


def test_a_network_whose_answer_is_not_finite_loses_the_target_in_its_place(exported: Callable[..., Path]) -> None:
    class Overflowing(Extractor):
        def batch(self, patches: np.ndarray) -> np.ndarray:
            return super().batch(patches) * np.float32(np.inf)

    clip, tracker = MovingSquare(3), tracker_with(Overflowing(exported(), threads=1))
    with np.errstate(all="ignore"):
        tracker.init(clip.frame(0), clip.box(0))
        found = tracker.update(clip.frame(1))
    assert (found.lost, found.score) == (True, 0.0)
    assert tuple(found.box) == pytest.approx(tuple(clip.box(0)))
