"""OPE, SRE and TRE: how many passes, from where, and how they are joined."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge.evaluation.checking import check
from cdedge.evaluation.job import passes, segment_starts, shifted_boxes
from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.runner import run
from cdedge.evaluation.summary import summarize
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from tests.evaluation.running import broken_at, configure, hand_of, make_squares, perfect
from tests.evaluation.trees import make_sequence


def line(count):
    return make_sequence(boxes=[[10 + i, 20, 30, 40] for i in range(count)])


def test_ope_is_the_sequence_itself():
    sequence = line(5)
    (only,) = passes(sequence, "ope")
    assert (only.sequence, only.start) == (sequence, sequence.first_box)


def test_sre_shifts_by_a_tenth_and_scales_about_the_center():
    box = Box(100, 50, 40, 20)
    boxes = shifted_boxes(box)
    offsets = [(b.x - 100, b.y - 50) for b in boxes[:8]]
    assert sorted(offsets) == sorted((x, y) for x in (-4, 0, 4) for y in (-2, 0, 2) if (x, y) != (0, 0))
    assert {b.size for b in boxes[:8]} == {(40, 20)}
    assert [b.width / 40 for b in boxes[8:]] == pytest.approx([0.8, 0.9, 1.1, 1.2])
    assert {b.center for b in boxes[8:]} == {box.center}


def test_sre_keeps_the_ground_truth():
    sequence = line(5)
    items = passes(sequence, "sre")
    assert len(items) == 12
    assert all(item.sequence.boxes is sequence.boxes for item in items)
    assert len({item.sequence.name for item in items}) == 12


@pytest.mark.parametrize("count", [39, 100, 597])
def test_tre_starts_20_segments_that_have_20_frames_to_come(count):
    starts = segment_starts(line(count))
    assert len(starts) == 20
    assert (starts[0], starts[-1]) == (0, count - 20)
    assert np.ptp(np.diff(starts[:-1])) <= 1


def test_tre_skips_frames_without_ground_truth_and_short_sequences_have_fewer():
    boxes = line(60).boxes.copy()
    boxes[20:30] = np.nan
    starts = segment_starts(make_sequence(boxes=boxes))
    assert not set(starts) & set(range(20, 30))
    assert segment_starts(line(5)) == (0,)
    boxes[31:] = np.nan
    assert segment_starts(make_sequence(boxes=boxes))[-1] == 19  # after frame 30 there is nothing to score


def test_tre_segments_run_to_the_end():
    sequence = line(50)
    last = passes(sequence, "tre")[-1]
    assert len(last.sequence) == 20
    assert last.start == Box(40, 20, 30, 40)
    assert last.sequence.frame_paths == sequence.frame_paths[30:]


def test_tre_with_a_number_has_as_many_segments():
    items = passes(line(100), "tre5")
    assert [len(item.sequence) for item in items] == [100, 80, 60, 40, 20]
    assert [len(item.sequence) for item in passes(line(100), "tre2")] == [100, 20]
    assert [i.start for i in passes(line(100), "tre20")] == [i.start for i in passes(line(100), "tre")]


@pytest.mark.parametrize("protocol", ["vot", "tre1", "tre0", "tre05", "tre1000", "tre-5", "tre5 ", "sre5", ""])
def test_an_unknown_protocol_is_a_usage_error(protocol, tmp_path):
    with pytest.raises(Usage, match="ope, sre, tre"):
        passes(line(5), protocol)
    with pytest.raises(Usage, match="ope, sre, tre"):
        check(configure(tmp_path, protocol=protocol))


def test_passes_are_joined_with_every_frame_weighing_the_same(tmp_path):
    squares = make_squares(tmp_path / "data", "A", frames=22)
    chosen = configure(squares.root, protocol="tre")
    out = tmp_path / "out"
    run(
        squares,
        chosen,
        out,
        hand=hand_of(lambda j: perfect(j) if len(j.frame_paths) == 22 else broken_at(j, 1), []),
    )
    (score,) = summarize(out, convention=get_convention("otb")).evaluation.scores
    assert (score.name, score.frames) == ("A", 22 + 21 + 20)
    parts = summarize_parts(out, squares, chosen)
    expected = sum(n * auc for n, auc in parts) / sum(n for n, _ in parts)
    assert score.curves.auc == pytest.approx(expected)
    assert parts[0][1] > parts[-1][1]


def summarize_parts(out, squares, chosen):
    from cdedge.evaluation.metrics import score_sequence
    from cdedge.evaluation.result_files import read_result

    found = []
    for item in passes(squares.sequences[0], chosen.protocol):
        boxes = read_result(out, item.sequence).boxes
        curves = score_sequence(boxes, item.sequence.boxes, origin=1, convention=get_convention("otb"))
        found.append((len(item.sequence), curves.auc))
    return found
