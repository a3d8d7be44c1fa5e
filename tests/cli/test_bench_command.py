"""``cdedge bench`` with repeats and comparison, as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done

Run = Callable[..., Done]


@pytest.fixture
def answer(cdedge: Run, tiny_model: Path, square_folder: Path) -> dict[str, object]:
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--repeat", 2, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_answer_compared_with_a_faster_and_smaller_past(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, answer: dict
) -> None:
    assert answer["schema"] == "cdedge.bench/1"
    assert len(answer["runs"]) == answer["spread"]["fps"]["runs"] == 2
    assert answer["conditions"]["usable_cpus"] >= 1
    assert {"p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "max_ms"} == set(answer["stages"]["total"])
    old = tmp_path / "old.json"
    if "peak_bytes" not in answer["spread"]:
        pytest.skip("/proc does not tell memory here")
    for figure in ("median", "low", "high"):
        answer["spread"]["peak_bytes"][figure] /= 2
    old.write_text(json.dumps(answer))
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--compare", old, "--json")
    assert done.returncode == 1
    verdicts = {c["figure"]: c["verdict"] for c in json.loads(done.stdout)["compared"]["changes"]}
    assert verdicts["peak_bytes"] == "worse"
    shown = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--compare", old)
    assert shown.returncode == 1
    assert "worse" in shown.stdout


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("{}", "schema"), (None, "No such file")])
def test_an_unusable_past_is_refused_before_measuring(
    cdedge: Run, tiny_model: Path, tmp_path: Path, text: str | None, why: str
) -> None:
    old = tmp_path / "old.json"
    if text is not None:
        old.write_text(text)
    done = cdedge("bench", tiny_model, "--compare", old)
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stdout == ""


def test_an_answer_of_another_version_is_refused(cdedge: Run, tiny_model: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"schema": "cdedge.bench/1", "fps": 3}))
    done = cdedge("bench", tiny_model, "--compare", old)
    assert done.returncode == 1
    assert "another version" in done.stderr
