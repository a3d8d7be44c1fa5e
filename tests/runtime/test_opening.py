"""Which tracker a file opens as, and which settings belong to it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.kinds import find_kind, names, settings_of
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import assigned
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from cdedge_runtime.trackers.window import WindowTracker
from tests.conftest import make_spec, tiny_model_bytes


def test_every_folder_is_a_tracker() -> None:
    assert names() == ("cacf", "cf2", "deepcd", "eco", "mdnet")
    assert all(find_kind(name).name == name for name in names())


@pytest.mark.parametrize("name", names())
def test_a_contract_carries_its_own_trackers_settings(name: str) -> None:
    spec = make_spec(tracker=name, settings=find_kind(name).settings())
    assert from_metadata(to_metadata(spec)) == spec


def test_settings_of_another_tracker_are_refused() -> None:
    spec = make_spec(tracker="cf2", settings=find_kind("deepcd").settings())
    with pytest.raises(BadModel, match="fields"):
        from_metadata(to_metadata(spec))
    with pytest.raises(BadModel, match="open_tracker"):
        settings_of(spec, Cf2Settings)


@pytest.mark.parametrize("text", ['"atom"', "7"])
def test_an_unknown_tracker_is_refused(text: str) -> None:
    metadata = {**to_metadata(make_spec()), "cdedge.tracker": text}
    with pytest.raises(BadModel, match=f"tracker {json.loads(text)!r}"):
        from_metadata(metadata)
    with pytest.raises(Usage, match="unknown tracker"):
        find_kind(text)


def test_the_file_says_which_tracker(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cf2.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker="cf2", settings=Cf2Settings())))
    assert isinstance(open_tracker(tiny_model, threads=1), Tracker)
    assert isinstance(open_tracker(path, threads=1), WindowTracker)
    with pytest.raises(BadModel, match="for the tracker cf2"):
        Tracker(path, threads=1)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_a_tracker_that_is_copied_says_what_to_do(tiny_model: Path, copied: Callable[[object], object]) -> None:
    with pytest.raises(Usage, match="open the file again"):
        copied(open_tracker(tiny_model, threads=1))


def test_every_trackers_settings_change_by_name() -> None:
    changed = assigned(Cf2Settings(), ["scale=dsst", "learning_rate=0.02"])
    assert changed == Cf2Settings(learning_rate=0.02, scale="dsst")
    with pytest.raises(Usage, match="padding"):
        assigned(Cf2Settings(), ["padding=2"])
