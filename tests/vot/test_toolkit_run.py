"""The official toolkit evaluates our tracker; its own analysis is read back."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cdedge.vot.entries import Setup
from tests.vot.vot_layout import STACK, run_toolkit, write_dataset

pytestmark = pytest.mark.skipif(find_spec("vot") is None, reason="vot-toolkit is not installed (the extra [vot])")

TRACKERS = ("cdedge", "cdedge-trax")


@pytest.fixture(scope="module")
def workspace(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which both entries were evaluated and analysed."""
    from cdedge.vot.workspace import prepare

    root = tmp_path_factory.mktemp("vot")
    folder = root / "work space"
    write_dataset(folder / "sequences")
    stack, model = root / "small.yaml", root / "50% tiny.onnx"
    stack.write_text(STACK)
    model.write_bytes(tiny_model.read_bytes())
    prepare(folder, Setup(model=str(model), threads=1), name="cdedge", stack=str(stack))
    common = ("--workspace", folder, "--experiments")
    assert "concluded" in run_toolkit("evaluate", *common, "baseline", *TRACKERS)
    assert "concluded" in run_toolkit("evaluate", *common, "realtime", TRACKERS[1])
    assert "concluded" in run_toolkit("evaluate", *common, "unsupervised", TRACKERS[0])
    run_toolkit("analysis", *common, "baseline", "--name", "found", *TRACKERS)
    return folder


def _rows(workspace: Path, tracker: str, experiment: str, sequence: str) -> list[str]:
    path = workspace / "results" / tracker / experiment / sequence / f"{sequence}_001.txt"
    return path.read_text().split()


def test_the_toolkit_finds_accuracy_failures_and_eao(workspace: Path) -> None:
    found = json.loads((workspace / "analysis" / "found.json").read_text())["results"]["baseline"]["results"]
    accuracy_robustness, eao = found[0], found[1]
    for i in range(len(TRACKERS)):
        accuracy, failures, _, length = accuracy_robustness[i]
        assert 0.5 < accuracy <= 1
        # One failure in the 30 frames of the one sequence, none in the 25 of the other, weighted by length.
        assert failures == pytest.approx(30 / 55)
        assert length == 27.5
        assert 0.3 < eao[i][0] < accuracy + 0.2


def test_the_leap_is_a_failure_and_the_tracker_starts_again_five_frames_later(workspace: Path) -> None:
    for tracker in TRACKERS:
        rows = _rows(workspace, tracker, "baseline", "jump")
        assert rows[0] == "1"
        assert rows[15:21] == ["2", "0", "0", "0", "0", "1"]
        assert all("," in row for row in rows[1:15] + rows[21:])


def test_both_protocols_give_the_same_boxes(workspace: Path) -> None:
    for sequence in ("straight", "jump"):
        python, trax = (_rows(workspace, t, "baseline", sequence) for t in TRACKERS)
        assert len(python) == len(trax)
        for one, other in zip(python, trax, strict=True):
            np.testing.assert_allclose(np.fromstring(one, sep=","), np.fromstring(other, sep=","), atol=0.02)


def test_confidence_is_kept_beside_the_boxes(workspace: Path) -> None:
    for tracker in TRACKERS:
        path = workspace / "results" / tracker / "baseline" / "straight" / "straight_001_confidence.value"
        values = [float(word) for word in path.read_text().split()]
        assert len(values) == 24
        assert min(values) > 0


def test_other_experiments_ran(workspace: Path) -> None:
    assert len(_rows(workspace, "cdedge-trax", "realtime", "straight")) == 25
    rows = _rows(workspace, "cdedge", "unsupervised", "straight")
    assert len(rows) == 25
    assert "2" not in rows


def test_the_toolkits_report_is_written(workspace: Path) -> None:
    run_toolkit("report", "--workspace", workspace, "--experiments", "baseline", "--name", "page", TRACKERS[0])
    assert (workspace / "reports" / "page" / "report.html").stat().st_size > 1000


def test_the_toolkit_is_told_why_a_tracker_cannot_run(workspace: Path, tmp_path: Path) -> None:
    from cdedge.vot.workspace import prepare

    prepare(workspace, Setup(model=str(tmp_path / "none.onnx")), name="gone", stack=None)
    said = run_toolkit("evaluate", "--workspace", workspace, "--experiments", "unsupervised", "gone")
    assert "none.onnx" in said
    assert "concluded" not in said
