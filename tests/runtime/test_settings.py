"""Settings of all trackers: changed by name, and held to their range through every door."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from cdedge_runtime import open_tracker
from cdedge_runtime.errors import BadModel, BadValue, Usage
from cdedge_runtime.kinds import find_kind, names
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.deep_settings import DeepSettings, HeadSettings
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from cdedge_runtime.record import assigned, check_record, decode, encode, within
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

RECORDS = {**{name: find_kind(name).settings for name in names()}, "deep part": DeepSettings, "box head": HeadSettings}
NUMBERS = [
    (tracker, field.name)
    for tracker, record in RECORDS.items()
    for field in dataclasses.fields(record)
    if isinstance(field.default, (int, float))
]
FROM_THE_ISSUE = [
    *(("deepcd", "padding", value) for value in (0, math.nan)),
    ("deepcd", "support", math.nan),
    *(("deepcd", "band", value) for value in (-1, math.nan, 1e9)),
    *(("deepcd", "memory", value) for value in (0, -1, 10**12)),
    ("deepcd", "update_every", 0),
    *(("deepcd", "scale_step", value) for value in (0, math.nan)),
    ("deepcd", "iterations", 10**7),
    ("eco", "newton_steps", 10**7),
    ("eco", "scales", 2),
    ("mdnet", "candidates", 10**7),
    ("mdnet", "seed", -1),
    ("mdnet", "shift", math.nan),
    ("mdnet", "box_ridge", math.nan),
]


def test_assignments_change_what_they_name() -> None:
    expected = replace(Settings(), padding=5.0, memory=3, scale="none")
    assert assigned(Settings(), ["padding=5", "memory=3", "scale=none"]) == expected
    assert assigned(Settings(), []) == Settings()


@pytest.mark.parametrize("text", ["speed=3", "padding", "padding=wide", "memory=2.5", "scale=sideways", "padding=nan"])
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="setting"):
        assigned(Settings(), [text])


@pytest.mark.parametrize(("tracker", "name"), NUMBERS)
def test_every_number_has_a_range_around_its_default(tracker: str, name: str) -> None:
    field = next(field for field in dataclasses.fields(RECORDS[tracker]) if field.name == name)
    least, most = field.metadata["cdedge.range"]
    assert least <= field.default <= most
    assert math.isfinite(least)
    assert math.isfinite(most)


@pytest.mark.parametrize(("tracker", "name"), NUMBERS)
def test_no_number_out_of_its_range_comes_through_any_door(tracker: str, name: str) -> None:
    record = RECORDS[tracker]
    least, most = next(f for f in dataclasses.fields(record) if f.name == name).metadata["cdedge.range"]
    for value in (least - 1, most + 1, math.nan, math.inf, -math.inf, None, "1", True):
        with pytest.raises(BadValue, match=f"^{name}: expected") as caught:
            record(**{name: value})
        assert caught.value.field == name
        with pytest.raises(ValueError, match=name):
            decode(record, {**encode(record()), name: value})
    for value in (least - 1, most + 1, math.nan):
        with pytest.raises(Usage, match=name):
            assigned(record(), [f"{name}={value}"])


@pytest.mark.parametrize(("tracker", "name", "value"), FROM_THE_ISSUE)
def test_a_model_file_with_such_a_setting_is_refused(tracker: str, name: str, value: float) -> None:
    settings = find_kind(tracker).settings()
    metadata = to_metadata(make_spec(tracker=tracker, settings=settings))
    metadata["cdedge.settings"] = json.dumps({**encode(settings), name: value})
    with pytest.raises(BadModel, match=r"model.*: .*" + ("finite" if math.isnan(value) else name)):
        from_metadata(metadata)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first_iterations": 1000, "mined": 10_000}, "first_iterations x mined"),
        ({"iterations": 1000, "mined": 10_000}, "iterations x mined"),
        ({"first_negatives": 20_000, "first_positives": 10_000}, "first_negatives \\+ box_samples"),
        ({"long_frames": 1000, "positives": 1000}, "long_frames x positives"),
        ({"short_frames": 1000, "negatives": 100}, "short_frames x negatives"),
    ],
)
def test_mdnets_products_and_sums_are_limited(settings: dict[str, int], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        MdNetSettings(**settings)


def test_a_training_that_nobody_waits_for_is_refused() -> None:
    """Every field alone is in its range."""
    many = (Tap("54", tuple(range(512)), 512),)
    spec = make_spec(taps=many, settings=Settings(memory=500, first_iterations=500))
    with pytest.raises(BadModel, match="worth waiting for"):
        from_metadata(to_metadata(spec))
    allowed = replace(spec, settings=Settings(memory=20, first_iterations=60))
    assert from_metadata(to_metadata(allowed)) == allowed


@pytest.mark.parametrize(
    ("tracker", "name", "end"), [(t, n, end) for t, n in NUMBERS for end in (0, 1) if t in ("deepcd", "eco", "cf2")]
)
def test_the_ends_of_a_range_can_be_tracked_with(tmp_path: Path, tracker: str, name: str, end: int) -> None:
    record = RECORDS[tracker]
    value = next(f for f in dataclasses.fields(record) if f.name == name).metadata["cdedge.range"][end]
    path, clip = tmp_path / "end.onnx", MovingSquare(4)
    kind = int if isinstance(getattr(record(), name), int) else float
    settings = assigned(record(), [f"{name}={kind(value)}"])
    path.write_bytes(tiny_model_bytes(make_spec(tracker=tracker, settings=settings)))
    model = open_tracker(path, threads=1)
    model.init(clip.frame(0), clip.box(0))
    for index in range(1, clip.count):
        estimate = model.update(clip.frame(index))
        assert all(map(math.isfinite, (*estimate.box, estimate.score)))


def test_a_range_is_checked_wherever_a_record_is_made() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own:
        share: float = within(0.5, 0, 1)
        name: str = "x"

        def __post_init__(self) -> None:
            check_record(self)

    assert Own(1).share == 1
    for wrong in ({"share": 1.5}, {"name": 3}):
        with pytest.raises(BadValue, match="|".join(wrong)):
            Own(**wrong)
        with pytest.raises(BadValue, match="|".join(wrong)):
            replace(Own(), **wrong)
