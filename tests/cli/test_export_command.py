"""Export as a user runs it, on a generated sequence with random weights of VGG-19's shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")
from safetensors.numpy import save_file

from cdedge_runtime.model.session import read_spec
from cdedge_runtime.trackers.deepcd.settings import PROFILES
from tests.conftest import Done
from tests.export.onnx_nets import Net

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of conv1_1, conv1_2 and conv2_1."""
    rng, state = np.random.default_rng(0), {}
    for key, inputs, outputs in (("0", 3, 64), ("2", 64, 64), ("5", 64, 128)):
        spread = np.sqrt(2 / (9 * inputs)) * (0.02 if key == "0" else 1)
        state[f"features.{key}.weight"] = (spread * rng.standard_normal((outputs, inputs, 3, 3))).astype(np.float32)
        state[f"features.{key}.bias"] = np.full(outputs, 0.1, np.float32)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(state, path)
    return path


def test_from_a_sequence_to_a_tracked_file(cdedge: Run, square_folder: Path, weights: Path, tmp_path: Path) -> None:
    model, plan = tmp_path / "square.onnx", tmp_path / "plan.json"
    options = ("--layers", "11+12+21", "--weights", weights, "--convention", "caffe")
    done = cdedge("export", square_folder, *options, "--channels", 40, "--save-channels", plan, "-o", model, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.export/1"
    assert answer["model"] == str(model)
    assert answer["channels"] == 40
    assert answer["parity"]["max_rel"] <= answer["parity"]["tolerance"]
    spec = read_spec(model)
    assert sum(len(t.kept) for t in spec.taps) == 40
    assert spec.source.name == "Square"

    replay = cdedge("export", square_folder, *options, "--channels-from", plan, "-o", tmp_path / "again.onnx", "--json")
    assert replay.returncode == 0, replay.stderr
    assert read_spec(tmp_path / "again.onnx").taps == spec.taps

    tracked = cdedge("track", model, square_folder, "--json")
    assert tracked.returncode == 0, tracked.stderr
    assert json.loads(tracked.stdout)["frames"] == 12


def test_a_deep_network_goes_into_the_file(cdedge: Run, square_folder: Path, weights: Path, tmp_path: Path) -> None:
    net, model = Net(), tmp_path / "robust.onnx"
    deep = net.save(
        tmp_path / "deep.onnx", [net.conv(net.unary("Relu", net.conv("image", 6, 5, stride=4)), 5, stride=4)]
    )
    options = ("--weights", weights, "--convention", "caffe", "--deep", deep, "--deep-input", 160)
    done = cdedge(
        "export", square_folder, *options, "--set", "deep.share=0.4", "--set", "scale=none", "-o", model, "--json"
    )
    assert done.returncode == 0, done.stderr
    spec = read_spec(model)
    assert spec.deep is not None
    assert (spec.deep.grid, spec.deep.channels, spec.deep.settings.share) == ((10, 10), 5, 0.4)
    assert spec.settings == replace(PROFILES["robust"], scale="none")
    assert [c["name"] for c in json.loads(done.stdout)["costs"] if "deep" in c["name"]] == ["deep network"]
    tracked = cdedge("track", model, square_folder, "--json")
    assert json.loads(tracked.stdout)["frames"] == 12
    (row,) = re.findall(r"^deep \S+ +(\d+ +\d+ +\S+) *$", cdedge("inspect", model).stdout, re.MULTILINE)
    assert row.split() == ["5", "5", "100%"]
    page = tmp_path / "page.html"
    reported = cdedge("report", model, square_folder, "-o", page, "--threads", 1, "--repeat", 1, "--json")
    assert list(json.loads(reported.stdout)["left_out"]) == [
        "pictures of pruned channels",
        "pictures of the deep network's channels",
    ]
    assert "Predicted</button>" in page.read_text()


@pytest.mark.parametrize(
    ("asked", "fine", "deep"),
    [
        (["--precision", "fp16"], "fp16", "fp16"),
        (["--deep-precision", "fp16"], "fp32", "fp16"),
        (["--precision", "fp16", "--deep-precision", "fp32"], "fp16", "fp32"),
    ],
)
def test_the_deep_network_has_the_files_precision_or_its_own(
    cdedge: Run, square_folder: Path, weights: Path, tmp_path: Path, asked: list[str], fine: str, deep: str
) -> None:
    net, model = Net(), tmp_path / "m.onnx"
    path = net.save(tmp_path / "deep.onnx", [net.conv("image", 5, 5, stride=8)])
    options = ("--weights", weights, "--convention", "caffe", "--deep", path, "--deep-input", 80, "--json")
    done = cdedge("export", square_folder, *options, *asked, "-o", model)
    assert done.returncode == 0, done.stderr
    spec = read_spec(model)
    assert spec.deep is not None
    assert (spec.precision, spec.deep.precision) == (fine, deep)
    assert [loss["name"] for loss in json.loads(done.stdout)["parity"]["losses"]] == [
        "11",
        f"deep {spec.deep.taps[0].name}",
    ]


def test_robust_has_our_own_deep_network_and_its_head_where_none_is_named(
    cdedge: Run, square_folder: Path, weights: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.onnx"
    options = ("--profile", "robust", "--weights", weights, "--convention", "caffe")
    done = cdedge("export", square_folder, *options, "-o", model)
    assert done.returncode == 0, done.stderr
    spec = read_spec(model)
    assert spec.deep is not None
    assert (spec.deep.backbone, spec.settings) == ("cdedge_deep", PROFILES["robust"])
    assert spec.deep.head is not None
    assert (spec.deep.head.settings.share, spec.deep.head.settings.center_rate) == (0.25, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["export", "nowhere.mp4", "--set", "nope=1"], 2, "setting 'nope=1'"),
        (["export", "nowhere.mp4", "--channels-from", "nowhere.json"], 1, "nowhere.json"),
        (["export", "nowhere.mp4", "--weights", "nowhere.pth"], 1, "nowhere.pth: no such file of weights"),
        (["plan", "nowhere.mp4", "--layers", "99"], 2, "no layer '99'"),
        (["plan", "nowhere.mp4", "--weights", "nowhere.pth"], 1, "nowhere.pth: no such file of weights"),
        (["evaluate", "--root", "nowhere", "--set", "nope=1"], 2, "setting 'nope=1'"),
        (["vot", "workspace", "--set", "nope=1"], 2, "setting 'nope=1'"),
    ],
)
def test_what_no_source_could_change_is_told_before_one_is_opened(
    cdedge: Run, arguments: list[str], code: int, text: str, tmp_path: Path
) -> None:
    done = cdedge(*arguments, cwd=tmp_path)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert "nowhere.mp4" not in done.stderr
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--precision", "int8", "--deep", "cdedge_deep", "--deep-head", "h.onnx"], 2, "--deep-precision: a box head"),
        (["--profile", "fast", "--deep", "cdedge_deep"], 2, "--profile: fast has no deep network, and cdedge_deep is"),
        (["--deep-layers", "a"], 2, "without a deep network"),
        (["--set", "deep.share=0.4"], 2, "a part that the file does not have"),
        (["--deep", "nowhere.onnx"], 1, "nowhere.onnx"),
        (["--layers", "99"], 2, "no layer '99'"),
        (["--backbone", "vgg99"], 2, "no network"),
        (["--channels", "65"], 2, "64 channels"),
        (["--channels", "all"], 2, "--no-distill keeps all"),
        (["--generic", "--channels", "all"], 2, "--channels: all leaves nothing to choose"),
        (["--profile", "robust", "--deep-channels", "all"], 2, "leave it out to keep all"),
        (["--rank", "best"], 2, "unknown rank"),
        (["--box", "500,10,20,20"], 1, "outside"),
        (["--weights", "none.pth"], 1, "none.pth"),
        (["--layers", "31"], 1, "features.7.weight"),
        (["-o", "nowhere/m.onnx"], 3, "nowhere"),
    ],
)
def test_a_refused_export_leaves_nothing(
    cdedge: Run,
    arguments: list[str],
    code: int,
    text: str,
    square_folder: Path,
    weights: Path,
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    base = ["export", square_folder, "--weights", weights, "--convention", "caffe"]
    if "--weights" in arguments:
        base = base[:2]
    done = cdedge(*base, *arguments, cwd=work)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert list(work.iterdir()) == []


def test_chain_fitted_and_int8(cdedge: Run, square_folder: Path, weights: Path, tmp_path: Path) -> None:
    model = tmp_path / "small.onnx"
    base = ("export", square_folder, "--layers", "11+12", "--weights", weights, "--convention", "caffe", "-o", model)
    refused = cdedge(*base, "--reconstruct")
    assert refused.returncode == 2
    assert "add mode chain" in refused.stderr
    errors = {}
    for options in ((), ("--reconstruct",), ("--reconstruct", "--precision", "int8")):
        done = cdedge(*base, "--mode", "chain", "--channels", "0.4", *options, "--json")
        assert done.returncode == 0, done.stderr
        answer, spec = json.loads(done.stdout), read_spec(model)
        assert [len(tap.kept) for tap in spec.taps] == [32, 32]
        assert spec.reconstructed == ("--reconstruct" in options)
        assert spec.precision == ("int8" if "int8" in options else "fp32")
        errors[options] = answer["parity"]["losses"][1]["error"]
    plain, fitted, small = errors.values()
    assert fitted < 0.5 * plain
    assert fitted < small < plain
    tracked = cdedge("track", model, square_folder, "--json")
    assert tracked.returncode == 0, tracked.stderr
