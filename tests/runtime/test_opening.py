"""Which tracker a file opens as, and which settings belong to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.model import contract
from cdedge_runtime.trackers.deepcd.settings import changed
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from cdedge_runtime.trackers.opening import TRACKERS, open_tracker
from cdedge_runtime.trackers.settings import SETTINGS, Cf2Settings, new_settings, settings_of, tracker_of
from cdedge_runtime.trackers.window import WindowTracker
from tests.conftest import make_spec, tiny_model_bytes


def test_every_tracker_has_settings_and_a_class() -> None:
    assert set(SETTINGS) == set(TRACKERS)
    assert all(tracker_of(new_settings(name)) == name for name in SETTINGS)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_contract_carries_its_own_trackers_settings(name: str) -> None:
    spec = make_spec(tracker=name, settings=new_settings(name))
    assert contract.from_metadata(contract.to_metadata(spec)) == spec


def test_settings_of_another_tracker_are_refused() -> None:
    metadata = contract.to_metadata(make_spec(tracker="cf2", settings=new_settings("deepcd")))
    with pytest.raises(BadModel, match="fields"):
        contract.from_metadata(metadata)
    with pytest.raises(BadModel, match="open_tracker"):
        settings_of("deepcd", new_settings("deepcd"), Cf2Settings)


@pytest.mark.parametrize("text", ['"atom"', "7"])
def test_an_unknown_tracker_is_refused(text: str) -> None:
    metadata = {**contract.to_metadata(make_spec()), "cdedge.tracker": text}
    with pytest.raises(BadModel, match=f"tracker {json.loads(text)!r}"):
        contract.from_metadata(metadata)
    with pytest.raises(Usage, match="unknown tracker"):
        new_settings(text)


def test_the_file_says_which_tracker(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cf2.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker="cf2", settings=Cf2Settings())))
    assert isinstance(open_tracker(tiny_model, threads=1), Tracker)
    assert isinstance(open_tracker(path, threads=1), WindowTracker)
    with pytest.raises(BadModel, match="for the tracker cf2"):
        Tracker(path, threads=1)


def test_every_trackers_settings_change_by_name() -> None:
    assert changed(Cf2Settings(), ["scale=dsst", "learning_rate=0.02"]) == Cf2Settings(learning_rate=0.02, scale="dsst")
    with pytest.raises(Usage, match="padding"):
        changed(Cf2Settings(), ["padding=2"])
