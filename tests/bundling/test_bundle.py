"""A bundle is whole, its wheels fit the board, and this machine's own installs, tracks and measures from it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import parse_wheel_filename

from cdedge.bundling.board import board_of
from cdedge.bundling.bundle import made_for
from cdedge.bundling.pip import our_wheel
from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.trackers.deepcd.settings import Settings
from tests.cli.test_schemas import check
from tests.conftest import Done, make_spec

Run = Callable[..., Done]
HERE = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return our_wheel(tmp_path_factory.mktemp("wheel"))
    except BadEnvironment as error:
        pytest.skip(f"no wheel can be built: {error}")


def bundled(cdedge: Run, *words: object) -> Any:
    done = cdedge("bundle", *words, "--json")
    if done.returncode == 3 and "pip says" in done.stderr:
        pytest.skip(f"no registry: {done.stderr}")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check(answer, "cdedge.bundle/1")
    return answer


def test_a_pis_bundle_names_wheels_that_fit_it(cdedge: Run, tiny_model: Path, wheel: Path, tmp_path: Path) -> None:
    out, board = tmp_path / "car", board_of("raspberry-pi-5")
    answer = bundled(cdedge, tiny_model, "--for", "raspberry-pi-5", "-o", out, "--wheel", wheel)
    fit = {*board.platforms, "any"}
    for each in answer["requirements"]:
        tags = parse_wheel_filename(each["wheel"])[3]
        assert any(tag.platform in fit and tag.interpreter in ("cp311", "cp310", "cp37", "py3") for tag in tags), each
    names = {each["name"].lower() for each in answer["requirements"]}
    assert {"numpy", "onnxruntime", "opencv-python-headless", "typer", "rich"} <= names
    assert not names & {"torch", "torchvision", "onnx", "cdedge", "opencv-contrib-python-headless", "pydantic"}
    assert_whole(out)
    unit = (out / "cdedge@.service").read_text()
    assert "ExecStart=" in unit
    checklist = (out / "CHECKLIST.md").read_text()
    assert "$" not in checklist
    assert "cdedge serve model.onnx 0 --host 0.0.0.0" in checklist


def test_the_checklist_asks_for_another_export_only_of_a_distilled_file() -> None:
    distilled, generic = make_spec(), make_spec(settings=Settings(keep=2.0))
    assert "wants an export of its own" in made_for(distilled)
    assert "generic" in made_for(generic)
    assert "box" not in made_for(generic)


def assert_whole(folder: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert sums == {name: digest for name, digest in there.items() if name != "SHA256SUMS"}
    subprocess.run(["sh", "-n", folder / "install.sh"], check=True)
    assert os.access(folder / "install.sh", os.X_OK)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the bundle is for x86-64")
def test_this_machines_bundle_installs_tracks_and_measures(
    cdedge: Run, tiny_model: Path, square_folder: Path, wheel: Path, tmp_path: Path
) -> None:
    out = tmp_path / "here"
    bundled(cdedge, tiny_model, "--for", "x86-64", "--python", HERE, "-o", out, "--wheel", wheel)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    run(tmp_path, {**clean, "PYTHON": sys.executable}, out / "install.sh")
    tool = out / "env" / "bin" / "cdedge"
    run(tmp_path, clean, tool, "track", out / "model.onnx", square_folder, "-o", tmp_path / "boxes.txt")
    assert len((tmp_path / "boxes.txt").read_text().splitlines()) == 12
    answer = run(tmp_path, clean, tool, "bench", out / "model.onnx", square_folder, "--threads", 1, "--json")
    assert json.loads(answer)["schema"] == "cdedge.bench/1"
    absent = "import importlib.util as u; print([n for n in ('torch', 'onnx', 'pip') if u.find_spec(n)])"
    assert run(tmp_path, clean, out / "env" / "bin" / "python", "-c", absent).strip() == "[]"


def run(folder: Path, env: dict[str, str], *words: object) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_damaged_model_leaves_nothing(cdedge: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    done = cdedge("bundle", tmp_path / "bad.onnx", "--for", "x86-64", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(cdedge: Run, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = cdedge("bundle", tiny_model, "--for", "x86-64", "-o", tmp_path / "mine")
    assert done.returncode == 2
    assert "new folder" in done.stderr
    assert list((tmp_path / "mine").iterdir()) == []


def test_no_registry_is_one_line_and_code_3(
    cdedge: Run, tiny_model: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = cdedge("bundle", tiny_model, "--for", "x86-64", "-o", tmp_path / "new" / "out", "--wheel", wheel)
    assert done.returncode == 3
    assert "pip says: ERROR: " in done.stderr
    assert list(tmp_path.iterdir()) == []
