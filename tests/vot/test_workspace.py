"""``cdedge vot``: the files it writes, and what it refuses."""

from __future__ import annotations

import configparser
import json
import shlex
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from cdedge.vot.entries import Setup
from cdedge.vot.workspace import prepare
from cdedge_runtime.errors import BadInput, MissingExtra, Usage
from tests.conftest import Done

Run = Callable[..., Done]


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A workspace that the user has set up already."""
    folder = tmp_path / "ws"
    folder.mkdir()
    (folder / "config.yaml").write_text("stack: vot2018/shortterm\nregistry: [./trackers.ini]\n")
    return folder


def test_entries_are_added_and_the_rest_is_kept_to_the_letter(started: Path) -> None:
    before = "; my own\n[other]\nlabel = Other\nprotocol = trax\ncommand = other\n"
    (started / "trackers.ini").write_text(before)
    done = prepare(started, Setup(model="/a b/50%.onnx", threads=2), name="mine", stack=None)
    text = (started / "trackers.ini").read_text()
    assert text.startswith(before)
    read = configparser.ConfigParser()
    read.read_string(text)
    assert done.trackers == ("mine", "mine-trax")
    assert read["mine"]["command"] == "cdedge.vot:Tracker"
    assert read["mine"]["arg_model"] == "/a b/50%.onnx"
    assert read["mine"]["arg_threads"] == "2"
    words = shlex.split(read["mine-trax"]["command"])
    assert words[1:] == ["-m", "cdedge.vot.trax_server", "--model", "/a b/50%.onnx", "--threads", "2"]
    assert (started / "config.yaml").read_text().startswith("stack: vot2018/shortterm")
    assert not (started / "stack.yaml").exists()


def test_a_name_that_is_taken_is_refused_and_nothing_changes(started: Path) -> None:
    prepare(started, Setup(model="a.onnx"), name="mine", stack=None)
    before = (started / "trackers.ini").read_text()
    with pytest.raises(Usage, match="--name"):
        prepare(started, Setup(model="b.onnx"), name="mine", stack=None)
    assert (started / "trackers.ini").read_text() == before


def test_a_stack_for_an_existing_workspace_a_bad_name_and_a_bad_list_are_refused(started: Path) -> None:
    with pytest.raises(Usage, match="workspace already"):
        prepare(started, Setup(model="a.onnx"), name="mine", stack="vot2016/rgb")
    with pytest.raises(Usage, match="--name"):
        prepare(started, Setup(model="a.onnx"), name="my tracker", stack=None)
    (started / "trackers.ini").write_text("no section\n")
    with pytest.raises(BadInput, match=r"trackers\.ini"):
        prepare(started, Setup(model="a.onnx"), name="mine", stack=None)


def test_without_the_toolkit_a_new_workspace_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdedge.vot.workspace.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[vot\]'"):
        prepare(tmp_path / "ws", Setup(model="a.onnx"), name="mine", stack=None)
    assert not (tmp_path / "ws").exists()


needs_toolkit = pytest.mark.skipif(find_spec("vot") is None, reason="vot-toolkit is not installed (the extra [vot])")


@needs_toolkit
def test_a_new_workspace_takes_the_toolkits_stack_with_the_experiment_that_runs(tmp_path: Path) -> None:
    import yaml

    done = prepare(tmp_path / "ws", Setup(model="a.onnx"), name="mine", stack=None)
    stack = yaml.safe_load((tmp_path / "ws" / "stack.yaml").read_text())
    assert done.experiments == ("baseline", "realtime", "unsupervised")
    types = [experiment["type"] for experiment in stack["experiments"].values()]
    assert types == ["cdedge.vot.supervised.Supervised"] * 2 + ["unsupervised"]
    assert {"type": "supervised_eao_score", "low": 100, "high": 356} in stack["experiments"]["baseline"]["analyses"]


@needs_toolkit
def test_stacks_that_are_not_there_or_not_stacks(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="vot2018/shortterm"):
        prepare(tmp_path / "ws", Setup(model="a.onnx"), name="mine", stack="vot1999")
    for text in ("[1, 2]", "experiments: {a: 3}", "a: [", "title: none"):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(BadInput, match=r"bad\.yaml"):
            prepare(tmp_path / "ws", Setup(model="a.onnx"), name="mine", stack=str(tmp_path / "bad.yaml"))
    assert not (tmp_path / "ws").exists()


def test_the_command_says_what_comes_next(cdedge: Run, tiny_model: Path, started: Path) -> None:
    done = cdedge("vot", started, "--model", tiny_model, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.vot/1"
    assert answer["trackers"] == ["cdedge", "cdedge-trax"]
    assert answer["next"][0] == f"vot evaluate --workspace {started} cdedge"


def test_the_command_refuses_a_missing_model_and_no_model(cdedge: Run, started: Path, tmp_path: Path) -> None:
    assert cdedge("vot", started).returncode == 2
    assert cdedge("vot", started, "--model", tmp_path / "none.onnx").returncode == 1
    assert not (started / "trackers.ini").exists()
