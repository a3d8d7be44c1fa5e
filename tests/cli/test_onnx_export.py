"""An ONNX network through ``export`` and ``track``, as a user without PyTorch runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="networks are read with onnx: pip install -e '.[onnx]'")
from cdedge_runtime.model.session import Extractor, read_spec
from tests.conftest import Done
from tests.export.onnx_nets import Net

Run = Callable[..., Done]
TIMES = ("before", "after")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A depthwise block at stride 4 whose last maps are of both signs; and the name of these."""
    net = Net(np.random.default_rng(3))
    x = net.unary("Relu", net.conv("image", 8, stride=2))
    x = net.unary("HardSwish", net.conv(net.unary("Relu", net.conv(x, 24, 1)), 24, group=24, stride=2))
    end = net.conv(x, 16, 1)
    return net.save(tmp_path_factory.mktemp("net") / "net.onnx", [end]), end


def without_torch(*words: object) -> Done:
    code = "import sys; sys.modules['torch'] = None; from cdedge.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_from_a_network_to_a_tracked_file_without_pytorch(
    square_folder: Path, network: tuple[Path, str], tmp_path: Path
) -> None:
    model, (path, end) = tmp_path / "square.onnx", network
    options = ("--backbone", path, "--layers", f"relu1+{end}", "--convention", "rgb:scale=1/255", "--input", 64)
    done = without_torch("export", square_folder, *options, "--grid", 32, "-o", model, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [(tap["name"], tap["total"]) for tap in answer["spec"]["taps"]] == [("relu1", 8), ("conv6", 16)]
    assert answer["parity"]["reference"] == "net.onnx"
    assert answer["parity"]["max_rel"] < 1e-5
    assert "of weights (" in done.stderr
    spec = read_spec(model)
    assert (spec.backbone, spec.weights.licence) == ("net.onnx", "unknown: see the file's origin")
    assert spec.convention.scale == 1 / 255
    before, after = (
        sum(cost[at]["weight_bytes"] for cost in answer["costs"] if cost[at]) for at in ("before", "after")
    )
    assert spec.weight_bytes == after < before
    features = Extractor(model, threads=1)(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert features.min() < 0
    tracked = without_torch("track", model, square_folder, "--json")
    assert tracked.returncode == 0, tracked.stderr


@pytest.mark.parametrize("power", [0.5, 0.7])
def test_ecos_projections_read_maps_of_both_signs(
    square_folder: Path, network: tuple[Path, str], tmp_path: Path, power: float
) -> None:
    model, (path, end) = tmp_path / "eco.onnx", network
    options = ("--tracker", "eco", "--backbone", path, "--layers", f"relu1+{end}", "--convention", "bgr", "--input", 64)
    given = ("--set", f"power={power}", "--grid", 32, "-o", model)
    done = without_torch("export", square_folder, *options, *given, "--json")
    assert done.returncode == 0, done.stderr  # the file is held to the network, power and projection in numpy
    answer = json.loads(done.stdout)
    assert answer["parity"]["max_rel"] < 1e-4
    assert 0 < answer["channels"] < 8 + 16
    tracked = without_torch("track", model, square_folder, "--json")
    assert tracked.returncode == 0, tracked.stderr


def test_chosen_channels_are_saved_and_taken_again(
    cdedge: Run, square_folder: Path, network: tuple[Path, str], tmp_path: Path
) -> None:
    plan, (path, _) = tmp_path / "plan.json", network
    base = ("export", square_folder, "--backbone", path, "--layers", "relu1", "--convention", "bgr", "--input", 64)
    first = cdedge(*base, "--channels", 3, "--save-channels", plan, "-o", tmp_path / "a.onnx")
    assert first.returncode == 0, first.stderr
    second = cdedge(*base, "--channels-from", plan, "-o", tmp_path / "b.onnx")
    assert second.returncode == 0, second.stderr
    kept = [read_spec(tmp_path / f"{name}.onnx").taps[0].kept for name in "ab"]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layers", "relu1"], "--convention: an ONNX file does not say how pixels become its input"),
        (["--convention", "bgr", "--layers", "conv9"], "any of relu1 "),
        (["--convention", "bgr", "--layers", "relu1", "--mode", "chain"], "--mode: it is for the built-in backbones"),
        (["--convention", "bgr", "--layers", "relu1", "--weights", "w.pth"], "--weights: "),
    ],
)
def test_what_does_not_fit_gets_one_line(
    cdedge: Run, square_folder: Path, network: tuple[Path, str], tmp_path: Path, options: list[str], said: str
) -> None:
    model = tmp_path / "m.onnx"
    done = cdedge("export", square_folder, "--backbone", network[0], *options, "-o", model)
    assert done.returncode == 2
    assert said in done.stderr
    assert not model.exists()


def test_a_torchvision_model_goes_the_same_way(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    torch, models = pytest.importorskip("torch"), pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    weights, model = tmp_path / "random.pth", tmp_path / "m.onnx"
    torch.save(models.get_model("shufflenet_v2_x0_5", weights=None).state_dict(), weights)
    options = ("--backbone", "shufflenet_v2_x0_5", "--layers", "maxpool+stage2.1.Concat", "--input", 96, "-o", model)
    done = cdedge("export", square_folder, *options, "--weights", weights, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["convention_reason"] == "torchvision: torchvision's model"
    assert [tap["total"] for tap in answer["spec"]["taps"]] == [24, 48]
    assert answer["spec"]["weights"]["name"] == "random.pth"
    torch.save({"other": torch.zeros(1)}, weights)
    wrong = cdedge("export", square_folder, *options, "--weights", weights)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 2)  # after "reading the first two frames"
    assert "not the weights of shufflenet_v2_x0_5" in wrong.stderr
