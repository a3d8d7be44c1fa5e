"""Predicted memory: its parts against bytes counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdedge_runtime.errors import Usage
from cdedge_runtime.measure.predict import (
    BRANCH_WEIGHT_COPIES,
    FLOOR_BYTES,
    NODE_BYTES,
    Footage,
    least_over_floor_bytes,
    predict,
)
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from cdedge_runtime.trackers.deepcd.settings import Settings
from tests.conftest import CHANNELS, make_spec
from tests.runtime.test_deep import PART

SPEC = make_spec(source=replace(make_spec().source, box=(0.0, 0.0, 40.0, 40.0)))
SEEN = Footage((100, 200))


def test_every_part_is_counted_from_shapes() -> None:
    said = predict(SPEC, SEEN, nodes=7)
    spectrum = 8 * CHANNELS * 23 * 12  # band 0.79 of the 15 frequencies below Nyquist on 32 cells: -11..11 and 0..11
    taps = 4 * CHANNELS * 11 * 11  # 1.5 of 32 / 4.5 cells
    scratch = 4 * CHANNELS * (23 * (32 + 11) + 2 * 11 * 2 * 12)
    assert said.features_bytes == 4 * CHANNELS * 32 * 32
    assert said.samples_bytes == 3 * spectrum
    assert said.filter_bytes == spectrum + 6 * taps
    assert said.buffers_bytes == 3 * 64 * 64 + 4 * spectrum + scratch
    assert said.activations_bytes == 4096
    assert said.weights_bytes == 2 * 648
    assert said.frames_bytes == 2 * 3 * 100 * 200
    assert said.floor_bytes == FLOOR_BYTES


def test_a_deep_part_takes_its_filter_and_its_patch_more() -> None:
    alone, both = predict(SPEC, SEEN, nodes=7), predict(replace(SPEC, deep=PART), SEEN, nodes=7)
    spectrum = 8 * 3 * 11 * 6  # band 0.79 of the 7 frequencies below Nyquist on 16 cells: -5..5 and 0..5
    taps = 4 * 3 * 6 * 6  # 1.5 of 16 / 4 cells
    scratch = 4 * 3 * (11 * (16 + 6) + 2 * 5 * 2 * 6)
    assert both.samples_bytes - alone.samples_bytes == 3 * spectrum
    assert both.filter_bytes - alone.filter_bytes == spectrum + 6 * taps
    assert both.features_bytes - alone.features_bytes == 4 * 3 * 16 * 16
    assert both.buffers_bytes - alone.buffers_bytes == 3 * 64 * 64 + 3 * spectrum + scratch
    assert both.weights_bytes == BRANCH_WEIGHT_COPIES * 648
    assert both.code_bytes > alone.code_bytes
    half = predict(replace(SPEC, deep=replace(PART, precision="fp16")), SEEN, nodes=7)
    assert half.weights_bytes == (1 + 2 * BRANCH_WEIGHT_COPIES) * 648  # as read, and as float32


def test_quantized_layers_take_code_of_their_own_wherever_they_are() -> None:
    said = [
        predict(spec, SEEN, nodes=7).code_bytes
        for spec in (
            replace(SPEC, deep=PART),
            replace(SPEC, deep=replace(PART, precision="int8")),
            replace(SPEC, deep=PART, precision="int8"),
            replace(SPEC, deep=replace(PART, precision="int8"), precision="int8"),
        )
    ]
    assert said[0] < said[1] == said[2] == said[3]


def test_over_the_floor_is_the_sum_of_the_other_parts() -> None:
    said = predict(SPEC, SEEN, nodes=7)
    more = replace(said, floor_bytes=7, samples_bytes=said.samples_bytes + 1000)
    assert more.over_floor_bytes == said.over_floor_bytes + 1000


def test_the_least_is_of_a_graph_without_nodes_weights_or_filter() -> None:
    said = predict(SPEC, SEEN, nodes=0)
    assert least_over_floor_bytes(SEEN) == said.code_bytes + said.session_bytes + said.frames_bytes


def test_without_footage_no_frames_are_counted() -> None:
    seen, blind = predict(SPEC, SEEN, nodes=7), predict(SPEC, None, nodes=7)
    assert seen.over_floor_bytes - blind.over_floor_bytes == seen.frames_bytes


def test_more_of_anything_takes_more() -> None:
    least = predict(SPEC, SEEN, nodes=7).over_floor_bytes
    richer = replace(SPEC, settings=Settings(memory=5, band=1.0))
    assert predict(richer, SEEN, nodes=7).over_floor_bytes > least
    assert predict(SPEC, Footage((200, 200)), nodes=7).over_floor_bytes > least
    assert predict(SPEC, SEEN, nodes=7, threads=2).over_floor_bytes > least
    assert predict(SPEC, SEEN, nodes=17).session_bytes == predict(SPEC, SEEN, nodes=7).session_bytes + 10 * NODE_BYTES


def test_the_filter_takes_what_the_tracker_says(tiny_model, square_folder) -> None:
    from cdedge_runtime.sources.frames import open_source
    from cdedge_runtime.trackers.deepcd.tracker import Tracker

    tracker, source = Tracker(tiny_model), open_source(str(square_folder))
    assert source.first_box is not None
    tracker.init(next(source.frames()), source.first_box)
    spec = replace(tracker.spec, source=replace(tracker.spec.source, box=(0.0, 0.0, *source.first_box.size)))
    said, counted = predict(spec, None, nodes=7), tracker.sizes()
    assert counted.filter_state_bytes < said.samples_bytes + said.filter_bytes
    assert counted.buffers_bytes < said.buffers_bytes + said.features_bytes


def test_other_trackers_are_measured_not_predicted() -> None:
    with pytest.raises(Usage, match="measure it"):
        predict(replace(SPEC, tracker="cf2", settings=Cf2Settings()), SEEN, nodes=7)
