"""``cdedge bench --predict`` and the prediction beside what is measured, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_schemas import check
from tests.conftest import Done

Run = Callable[..., Done]


def test_the_answer_follows_its_schema_and_adds_up(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("bench", "--predict", tiny_model, "--frame", "200x100", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    check(answer, "cdedge.predict/1")
    assert answer["footage"] == {"frame_px": [100, 200], "reader": "images"}
    assert answer["predicted"]["frames_bytes"] == 2 * 3 * 100 * 200


def test_a_source_tells_the_size_of_its_frames(
    cdedge: Run, tiny_model: Path, square_folder: Path, square_video: Callable[[int], Path]
) -> None:
    answers = [
        json.loads(cdedge("bench", "--predict", tiny_model, s, "--json").stdout)
        for s in (square_folder, square_video(3))
    ]
    images, video = answers
    assert images["footage"]["frame_px"] == video["footage"]["frame_px"]
    assert video["predicted"]["frames_bytes"] > images["predicted"]["frames_bytes"]


def test_the_table_names_every_part(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("bench", "--predict", tiny_model)
    assert done.returncode == 0, done.stderr
    assert "640x480" in done.stderr
    for part in ("floor", "code", "session", "weights", "activations", "samples", "frames", "over the floor"):
        assert part in done.stdout


@pytest.mark.parametrize("frame", ["640", "0x5", "-3x4", "axb", "3x4x5", "9" * 5000 + "x9"])
def test_an_absurd_size_is_refused(cdedge: Run, tiny_model: Path, frame: str) -> None:
    done = cdedge("bench", "--predict", tiny_model, f"--frame={frame}")
    assert done.returncode == 2
    assert "WIDTHxHEIGHT" in done.stderr


def test_bench_shows_predicted_beside_measured(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--json")
    answer = json.loads(done.stdout)
    found = answer["prediction"]
    measured = answer["memory"]["over_floor_bytes"]
    if measured is None:
        assert found["error"] is None
    else:
        assert found["error"] == pytest.approx(found["over_floor_bytes"] / measured - 1)


def test_the_old_name_works_and_says_the_new_one(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("predict", tiny_model, "--json")
    assert done.returncode == 0
    assert "bench --predict" in done.stderr
    check(json.loads(done.stdout), "cdedge.predict/1")


@pytest.mark.parametrize("words", [("--predict", "--frames", 9), ("--predict", "--repeat", 2), ("--frame", "9x9")])
def test_options_of_the_other_way_are_refused(cdedge: Run, tiny_model: Path, words: tuple[object, ...]) -> None:
    done = cdedge("bench", tiny_model, *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cdedge: {words[-2]}: ")
