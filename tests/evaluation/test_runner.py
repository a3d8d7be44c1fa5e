"""The runner: what it keeps, what it does again, what it refuses."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdedge.evaluation.configuration import TrackerOptions
from cdedge.evaluation.manifest import locked, model_paths
from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.runner import import_raw, local_hand, run
from cdedge.evaluation.summary import summarize
from cdedge.show.lately import time_left
from cdedge_export.options import ExportOptions
from cdedge_runtime.errors import BadInput, BadModel, Usage
from tests.evaluation.running import broken_at, configure, hand_of, make_squares, perfect

OTB = get_convention("otb")


@pytest.fixture
def squares(tmp_path):
    return make_squares(tmp_path / "data")


def go(squares, out, answer=perfect, configuration=None):
    seen = []
    summary = run(squares, configuration or configure(squares.root), out, hand=hand_of(answer, seen))
    return seen, summary


def test_a_perfect_tracker_scores_20_21(squares, tmp_path):
    go(squares, tmp_path / "out")
    summary = summarize(tmp_path / "out", convention=OTB)
    assert summary.evaluation.mean.auc == pytest.approx(20 / 21)
    assert summary.evaluation.mean.precision_20px == 1
    assert summary.evaluation.speed.fps == pytest.approx(100)  # the half second of init is apart
    assert summary.evaluation.speed.init_ms == pytest.approx(500)
    assert summary.memory.largest_over_floor_bytes == 20


def test_results_are_one_based_lines_that_other_evaluators_read(squares, tmp_path):
    go(squares, tmp_path / "out")
    assert (tmp_path / "out" / "A.txt").read_text().splitlines()[1] == "44.000,53.000,24.000,20.000"


def test_complete_sequences_are_not_run_again(squares, tmp_path):
    assert go(squares, tmp_path / "out")[0] == ["A", "B", "C"]
    seen, summary = go(squares, tmp_path / "out")
    assert (seen, summary.found) == ([], 3)


def test_a_killed_run_goes_on_with_what_is_missing_or_half_written(squares, tmp_path):
    out = tmp_path / "out"
    go(squares, out)
    (out / "A.txt").unlink()
    half = (out / "B.txt").read_text()
    (out / "B.txt").write_text(half[: len(half) // 2])
    assert go(squares, out)[0] == ["A", "B"]
    assert (out / "B.txt").read_text() == half


def test_another_configuration_is_refused_by_the_name_of_the_option(squares, tmp_path):
    go(squares, tmp_path / "out")
    other = configure(squares.root, tracker=TrackerOptions(ExportOptions("opencv:MOSSE", seed=3)), threads=2)
    with pytest.raises(Usage, match=r"seed: not given there, 3 now; threads: 1 there, 2 now"):
        go(squares, tmp_path / "out", configuration=other)


def test_a_start_that_left_no_result_binds_nobody(squares, tmp_path):
    chosen = configure(squares.root, tracker=TrackerOptions(ExportOptions(layers="no such layer")))
    with pytest.raises(RuntimeError):
        go(squares, tmp_path / "out", lambda _: (_ for _ in ()).throw(RuntimeError), chosen)
    assert go(squares, tmp_path / "out")[0] == ["A", "B", "C"]


def test_a_weights_file_that_changed_is_refused(squares, tmp_path):
    weights = tmp_path / "w.pth"
    weights.write_bytes(b"one")
    chosen = configure(squares.root, tracker=TrackerOptions(ExportOptions(weights=str(weights))))
    go(squares, tmp_path / "out", configuration=chosen)
    weights.write_bytes(b"two")
    with pytest.raises(Usage, match="content changed"):
        go(squares, tmp_path / "out", configuration=chosen)


def test_a_folder_of_other_texts_is_not_taken_over(squares, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(Usage, match="no manifest"):
        go(squares, tmp_path / "out")


def test_a_run_that_is_refused_leaves_nothing(squares, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(Usage, match="no manifest"):
        go(squares, tmp_path / "mine")
    with pytest.raises(BadInput, match="no complete result"):
        import_raw(squares, configure(squares.root), tmp_path / "new" / "out", source=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert not (tmp_path / "new").exists()


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """As by a run that ended between our opening of it and our locking."""
    path, taken, lock = tmp_path / "out" / ".lock", [], fcntl.flock

    def late(descriptor, how):
        if not taken:
            path.unlink()
        taken.append(descriptor)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path / "out"):
        assert len(taken) == 2
        assert str(os.getpid()) in path.read_text()
        with pytest.raises(Usage, match="is writing here"), locked(tmp_path / "out"):
            pass
    assert not path.parent.exists()


def test_a_refused_run_holds_no_file_open(tmp_path):
    with locked(tmp_path / "out"):
        before = len([*Path("/proc/self/fd").iterdir()])
        with pytest.raises(Usage, match="is writing here"), locked(tmp_path / "out"):
            pass
        assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_two_runs_do_not_write_one_folder(squares, tmp_path):
    with locked(tmp_path / "out"), pytest.raises(Usage, match=f"process {os.getpid()} on .* is writing here"):
        go(squares, tmp_path / "out")


def test_the_lock_of_a_dead_process_is_taken_over(squares, tmp_path):
    out = tmp_path / "out"
    holder = (
        "import os, sys\nfrom pathlib import Path\nfrom cdedge.evaluation.manifest import locked\n"
        "with locked(Path(sys.argv[1])):\n    os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", holder, str(out)], check=False)
    assert "process" in (out / ".lock").read_text()
    assert go(squares, out)[0] == ["A", "B", "C"]


def test_a_crash_on_one_sequence_is_recorded_and_the_run_goes_on(squares, tmp_path):
    out = tmp_path / "out"
    seen, summary = go(squares, out, lambda job: broken_at(job, 2) if job.name == "B" else perfect(job))
    assert seen == ["A", "B", "C"]
    assert json.loads((out / "failures.json").read_text())["B"]["frame"] == 2
    rows = (out / "B.txt").read_text().splitlines()
    assert len(rows) == 6
    assert set(rows[2:]) == {rows[1]}  # the last box is kept to the end
    scores = {s.name: s for s in summarize(out, convention=OTB).evaluation.scores}
    assert scores["B"].curves.auc < scores["A"].curves.auc
    assert scores["B"].fps is None
    assert set(summary.failures) == {"B"}


def test_a_failed_sequence_is_tried_again(squares, tmp_path):
    out = tmp_path / "out"
    go(squares, out, lambda job: broken_at(job, 0) if job.name == "B" else perfect(job))
    seen, summary = go(squares, out)
    assert (seen, summary.failures) == (["B"], {})
    assert json.loads((out / "failures.json").read_text()) == {}
    assert summarize(out, convention=OTB).evaluation.mean.auc == pytest.approx(20 / 21)


def test_unreadable_images_are_not_scored_against_the_tracker(squares, tmp_path):
    out = tmp_path / "out"
    go(squares, out, lambda job: broken_at(job, 3, "data") if job.name == "C" else perfect(job))
    evaluation = summarize(out, convention=OTB).evaluation
    assert [s.name for s in evaluation.scores] == ["A", "B"]
    assert [name for name, _ in evaluation.missing] == ["C"]


def test_the_manifest_says_what_made_the_results(squares, tmp_path):
    go(squares, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["configuration"]["tracker"]["made"]["tracker"] == "opencv:MOSSE"
    last = manifest["runs"][-1]
    assert last["started"] <= last["finished"]
    assert {"python", "numpy", "onnxruntime"} <= set(last["versions"])


def test_an_image_that_cannot_be_decoded_is_a_failure_of_the_data(squares, tmp_path):
    squares.sequences[0].frame_paths[3].write_bytes(b"no image")
    one = replace(squares, sequences=squares.sequences[:1])
    summary = run(one, configure(squares.root), tmp_path / "out", hand=local_hand(1))
    assert (summary.failures["A"].kind, summary.failures["A"].frame) == ("data", 3)


def test_a_process_that_dies_costs_one_sequence(squares, tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr("cdedge_runtime.measure.child.sys.executable", str(program))
    one = replace(squares, sequences=squares.sequences[:1])
    summary = run(one, configure(squares.root), tmp_path / "out", hand=local_hand(1))
    assert "SIGKILL" in summary.failures["A"].reason
    assert np.ptp(summarize(tmp_path / "out", convention=OTB).evaluation.scores[0].curves.success) > 0


def test_a_pass_that_hangs_is_ended_at_its_limit_and_the_next_runs(squares, tmp_path):
    hole = squares.sequences[0].frame_paths[3]
    hole.unlink()
    os.mkfifo(hole)  # whoever reads it waits for ever
    summary = run(squares, configure(squares.root), tmp_path / "out", hand=local_hand(1, limit_s=10))
    assert list(summary.failures) == ["A"]
    assert "10 s, the time limit" in summary.failures["A"].reason
    assert summary.tracked == 3


def test_what_every_sequence_would_meet_ends_the_run(squares, tmp_path):
    chosen = configure(squares.root, tracker=TrackerOptions(model=str(tmp_path / "none.onnx")))
    with pytest.raises(BadInput, match=r"none\.onnx"):
        run(squares, chosen, tmp_path / "out", hand=local_hand(1))
    (tmp_path / "none.onnx").write_bytes(b"no model")
    with pytest.raises(BadModel):
        run(squares, chosen, tmp_path / "out", hand=local_hand(2))


def test_a_tracking_process_ends_with_its_parent():
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "cdedge_runtime.measure.served", "cdedge.evaluation.worker:track", str(read_end)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(read_end,)) as child:
        os.close(write_end)
        assert child.wait(timeout=30) == 1
    os.close(read_end)


@pytest.mark.parametrize(
    ("elapsed", "done", "left"),
    [(0, 0, ""), (60, 100, "0:02:00 left"), (7200, 150, "2:00:00 left"), (9, 300, "0:00:00 left")],
)
def test_the_time_left_goes_by_the_frames_that_are_done(elapsed, done, left):
    assert time_left(elapsed, done, 300) == left


def test_killed_and_started_again_for_real(squares, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cdedge", "evaluate", "--root", str(squares.root)]
    command += ["--tracker", "opencv:MOSSE", "-o", str(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 60
        while not (out / "A.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        first.kill()
    before = (out / "A.txt").stat().st_mtime_ns
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(second.stdout)["sequences"]) == 3
    assert (out / "A.txt").stat().st_mtime_ns == before
    assert len(json.loads((out / "manifest.json").read_text())["runs"]) == 2


def test_what_a_killed_run_left_half_written_is_no_model(squares, tmp_path):
    folder = tmp_path / "results"
    go(squares, folder)
    (folder / "models").mkdir()
    left = [folder / "models" / ".cdedge-part-0123456789abcdef.onnx", folder / ".cdedge-part-0123456789abcdef.txt"]
    for path in (*left, folder / "models" / ".Deer.1a.onnx"):  # an older version's, too
        path.write_bytes(b"half")
    _, again = go(squares, folder)
    assert (again.tracked, again.failures) == (0, {})
    assert model_paths(folder) == []
    assert not any(path.exists() for path in left)
