"""``cdedge plan`` as a user runs it, on a generated sequence with random weights."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="planning exports, which needs PyTorch: pip install -e '.[export]'")
from safetensors.numpy import save_file

from cdedge_runtime.model.session import read_spec
from tests.cli.test_schemas import check
from tests.conftest import Done

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """Options for a small search: one layer with random weights, two shares."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    weight = (0.01 * rng.standard_normal((64, 3, 3, 3))).astype(np.float32)
    save_file({"features.0.weight": weight, "features.0.bias": np.full(64, 0.1, np.float32)}, path)
    searched = ("--layers", "11", "--channels", "0.25,0.5", "--input", "96", "--frames", 6)
    return ("--weights", path, *searched, "--deep", "none")


def test_the_best_that_fits_is_exported_and_drawn(
    cdedge: Run, square_folder: Path, narrow: tuple[object, ...], tmp_path: Path
) -> None:
    out, plot = tmp_path / "best.onnx", tmp_path / "front.svg"
    budget = ("--max-memory", "1GB", "--min-fps", 0.5)
    done = cdedge("plan", square_folder, *narrow, *budget, "-o", out, "--plot", plot, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check(answer, "cdedge.plan/1")
    assert answer["measured"]
    assert answer["chosen"] in answer["options"]
    assert len(answer["options"]) == 2
    assert read_spec(out).channels == answer["chosen"]["kept"]
    assert plot.read_text().startswith("<svg")
    assert {path.name for path in tmp_path.iterdir()} == {"best.onnx", "front.svg", "Square"}


def test_a_file_with_a_deep_network_is_among_them_and_can_be_preferred(
    cdedge: Run, square_folder: Path, narrow: tuple[object, ...], tmp_path: Path
) -> None:
    out, asked = tmp_path / "best.onnx", (*narrow[:-2], "--channels", "0.25")
    done = cdedge("plan", square_folder, *asked, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check(answer, "cdedge.plan/1")
    assert [option["candidate"]["deep"] for option in answer["options"]] == [None, "cdedge_deep"]
    (also,) = answer["also"]
    assert (answer["chosen"]["candidate"]["deep"], also["candidate"]["deep"]) == (None, "cdedge_deep")
    assert also["memory_bytes"] > answer["chosen"]["memory_bytes"]
    assert also in answer["front"]
    assert any("not measured here" in note for note in answer["notes"])
    preferred = cdedge("plan", square_folder, *asked, "--deep", "cdedge_deep,none", "-o", out)
    assert preferred.returncode == 0, preferred.stderr
    assert read_spec(out).deep is not None
    assert "fits too" in preferred.stdout


def test_the_next_command_makes_what_was_chosen(
    cdedge: Run, square_folder: Path, narrow: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cdedge("plan", square_folder, *narrow[:-2], "--channels", "all", "--deep", "cdedge_deep")
    assert done.returncode == 0, done.stderr
    (following,) = re.findall(r"^next: cdedge (.*)$", done.stderr, re.MULTILINE)
    assert cdedge(*shlex.split(following), "--convention", "caffe").returncode == 0
    spec = read_spec("best.onnx")
    assert (spec.channels, spec.deep is None) == (64, False)


def test_nothing_fits_is_code_4_with_the_nearest_miss_and_leaves_the_old_file(
    cdedge: Run, square_folder: Path, narrow: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "best.onnx"
    out.write_text("old")
    done = cdedge("plan", square_folder, *narrow, "--max-memory", "1kB", "-o", out, "--json")
    assert done.returncode == 4
    assert "Nearest miss" in done.stderr
    assert "Traceback" not in done.stderr
    answer = json.loads(done.stdout)
    check(answer, "cdedge.plan/1")
    assert answer["chosen"] is None
    assert answer["nearest"]["memory_bytes"] > 1000
    assert out.read_text() == "old"


def test_a_device_is_predicted_and_says_so(cdedge: Run, square_folder: Path, narrow: tuple[object, ...]) -> None:
    done = cdedge("plan", square_folder, *narrow, "--device", "raspberry-pi-4")
    assert done.returncode == 0, done.stderr
    assert "PREDICTED" in done.stdout
    assert "no memory bandwidth is stated" in done.stderr


def test_a_profile_without_arithmetic(cdedge: Run, square_folder: Path, narrow: tuple[object, ...]) -> None:
    on = ("--device", "jetson-xavier-nx")
    for asked in (("--min-fps", 30), ("--plot", "front.svg")):
        refused = cdedge("plan", square_folder, *narrow, *on, *asked)
        assert refused.returncode == 2
        assert f"no fps can be predicted: plan without {asked[0]}" in refused.stderr
    by_memory = cdedge("plan", square_folder, *narrow, *on, "--max-memory", "1GB")
    assert by_memory.returncode == 0, by_memory.stderr
    assert "unknown" in by_memory.stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        *(
            (("--max-memory", text), "expected a size with its unit, kB, MB or GB, like 24MB")
            for text in ("lots", "0MB", "24", "1,5GB", "9" * 400 + "GB")
        ),
        (("--device", "toaster"), "toaster"),
        (("--input", "7"), "sides of 32 to 512 px"),
        (("--input", "9" * 5000), "sides of 32 to 512 px"),
        (("--mode", "fast"), "expected some of chain, exact"),
    ],
)
def test_bad_words_are_refused_before_any_work(
    cdedge: Run, square_folder: Path, options: tuple[str, ...], text: str
) -> None:
    done = cdedge("plan", square_folder, *options)
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stdout == ""


def test_an_absurd_profile_is_refused(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "odd.toml"
    profile.write_text('schema = 1\nid = "odd"\n')
    done = cdedge("plan", square_folder, "--device", profile)
    assert done.returncode == 2
    assert "odd.toml" in done.stderr


def test_ctrl_c_leaves_the_old_file(
    cdedge: Run, square_folder: Path, narrow: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cdedge.commands.plan.evaluate", stopped)  # every candidate is exported, none measured
    out = tmp_path / "best.onnx"
    out.write_text("old")
    done = cdedge("plan", square_folder, *narrow, "-o", out)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "cdedge: stopped")
    assert out.read_text() == "old"
