"""``cdedge soak`` as a user runs it, short."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Done

Run = Callable[..., Done]


def test_a_short_soak_in_a_fresh_process(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("soak", tiny_model, square_folder, "--frames", 200, "--threads", 1, "--allow", 1e9, "--json")
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.soak/1"
    assert answer["frames"] == 200
    assert len(answer["samples"]) == 40
    assert answer["latency_drift"] is not None
    if answer["samples"][0]["rss_bytes"] is not None:
        assert answer["verdict"] == "steady", answer["reason"]
        assert done.returncode == 0


def test_a_leak_is_exit_code_1(cdedge: Run, tiny_model: Path, square_folder: Path, monkeypatch) -> None:
    from cdedge_runtime.measure.soak_report import Slope

    monkeypatch.setattr("cdedge_runtime.measure.soak_report.slope", lambda *_: Slope(9e9, 8e9, 10e9))
    done = cdedge("soak", tiny_model, square_folder, "--frames", 20, "--threads", 1)
    assert done.returncode == 1
    assert "leak" in done.stdout


def test_a_soak_needs_an_end(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("soak", tiny_model)
    assert done.returncode == 2
    assert "--minutes" in done.stderr


def test_what_the_child_met_is_told(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    (square_folder / "img" / "0006.png").write_bytes(b"broken")
    done = cdedge("soak", tiny_model, square_folder, "--frames", 40, "--threads", 1)
    assert done.returncode == 1
    assert "0006.png" in done.stderr
    assert done.stdout == ""
