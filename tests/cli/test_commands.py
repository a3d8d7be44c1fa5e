"""The device's commands as a user runs them: output, exit codes, and what is left on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done, MovingSquare, make_spec, tiny_model_bytes

Run = Callable[..., Done]


def test_track_writes_boxes_in_the_annotations_convention(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    done = cdedge("track", tiny_model, square_folder, "-o", tmp_path / "boxes.txt", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.track/1"
    assert answer["frames"] == 12
    lines = (tmp_path / "boxes.txt").read_text().splitlines()
    assert lines[0] == "41.000,51.000,24.000,20.000"  # the 1-based annotation's own first row
    clip = MovingSquare()
    for index, line in enumerate(lines):
        x, y, _, _ = map(float, line.split(","))
        assert abs(x - 1 - clip.box(index).x) < 4
        assert abs(y - 1 - clip.box(index).y) < 4


def test_boxes_on_stdout_and_nothing_else(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("track", tiny_model, square_folder, "-o", "-")
    assert len(done.stdout.splitlines()) == 12
    assert all(len(line.split(",")) == 4 for line in done.stdout.splitlines())


def test_a_video_needs_a_box_unless_the_model_was_made_from_it(
    cdedge: Run, tiny_model: Path, square_video: Callable[[int], Path]
) -> None:
    video = square_video(5)
    refused = cdedge("track", tiny_model, video)
    assert refused.returncode == 2
    assert "--box" in refused.stderr
    done = cdedge("track", tiny_model, video, "--box", "40,50,24,20", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["origin"] == 0


def test_the_tracked_video_has_every_frame(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    import cv2

    done = cdedge("track", tiny_model, square_folder, "--video", tmp_path / "seen.avi", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert list(answer["stages"])[-2:] == ["draw", "total"]
    tracking = answer["stages"]["total"]["mean_ms"] - answer["stages"]["draw"]["mean_ms"]
    assert answer["fps"] == pytest.approx(1e3 / tracking)
    capture = cv2.VideoCapture(str(tmp_path / "seen.avi"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    capture.release()


def test_a_broken_frame_in_the_middle_keeps_what_was_tracked(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    (square_folder / "img" / "0006.png").write_bytes(b"broken")
    done = cdedge("track", tiny_model, square_folder, "-o", tmp_path / "boxes.txt", "--video", tmp_path / "v.avi")
    assert done.returncode == 1
    assert "0006.png" in done.stderr
    assert "Traceback" not in done.stderr
    assert len((tmp_path / "boxes.txt").read_text().splitlines()) == 5
    assert (tmp_path / "v.avi").exists()


def test_bench_measures_in_a_fresh_process(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.bench/1"
    assert answer["fps"] > 0
    assert answer["frames"] == 12
    wanted = ["read", "patch", "features", "transform", "response", "scale", "update", "total"]
    assert list(answer["stages"]) == wanted
    memory = answer["memory"]
    assert memory["weights_bytes"] == make_spec().weight_bytes
    if memory["peak_bytes"] is not None:
        assert memory["peak_bytes"] > memory["floor_bytes"] > 10_000_000


def test_inspect_tells_the_contract(cdedge: Run, tiny_model: Path) -> None:
    answer = json.loads(cdedge("inspect", tiny_model, "--json").stdout)
    assert answer["layers"] == "11"
    assert answer["weights"]["sha256"] == "ab" * 32
    assert "VGG" not in cdedge("inspect", tiny_model).stderr


def test_devices_are_listed(cdedge: Run) -> None:
    answer = json.loads(cdedge("devices", "--json").stdout)
    assert {"jetson-nano", "raspberry-pi-5", "x86-64"} <= {d["id"] for d in answer["devices"]}
    assert "Maxwell" in cdedge("devices", "jetson-nano").stdout or "jetson" in cdedge("devices").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["track", "none.onnx"], 1, "No such file"),
        (["track", "TEXT", "FOLDER"], 1, "not a cdedge model"),
        (["track", "MODEL", "none.mp4"], 1, "no such file"),
        (["track", "MODEL", "FOLDER", "--box", "1,2,3"], 2, "expected four numbers"),
        (["track", "MODEL", "FOLDER", "--box", "nan,2,3,4"], 1, "finite"),
        (["track", "MODEL", "FOLDER", "--box", "900,2,3,4"], 1, "outside"),
        (["track", "MODEL", "FOLDER", "--box", "9,2,0,4"], 1, "at least 1 px"),
        (["track", "MODEL", "FOLDER", "--provider", "cuda"], 3, "CUDAExecutionProvider"),
        (["track", "MODEL", "FOLDER", "--provider", "gpu"], 3, "unknown provider"),
        (["track", "MODEL", "FOLDER", "-o", "nowhere/boxes.txt"], 3, "there is no folder"),
        (["bench", "none.onnx"], 1, "No such file"),
        (["inspect", "TEXT"], 1, "not a cdedge model"),
        (["devices", "jetson-nani"], 2, "jetson-nano"),
        (["track"], 2, "Missing argument"),
        (["fly"], 2, "fly is no command: 'cdedge --help' lists them"),
        ([""], 2, "'' is no command: 'cdedge --help' lists them"),
        (["trakc"], 2, "trakc is no command: did you mean track? 'cdedge --help'"),
        (["track", "--boks", "1"], 2, "--box); see 'cdedge track --help'"),
        (["serve", "x", "--port", "99999"], 2, "Invalid value for '--port': "),
        (["export", "--mode", "exakt"], 2, "'exact', 'chain'; see 'cdedge export --help'"),
    ],
)
def test_bad_requests_end_in_one_line_and_the_right_code(
    cdedge: Run,
    arguments: list[str],
    code: int,
    text: str,
    tiny_model: Path,
    square_folder: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    names = {"MODEL": str(tiny_model), "FOLDER": str(square_folder), "TEXT": str(tmp_path / "text.onnx")}
    done = cdedge(*(names.get(a, a) for a in arguments), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert done.stderr.splitlines()[-1].startswith("cdedge: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_result_that_was_there_survives_bad_input(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boxes.txt"
    out.write_text("old\n")
    assert cdedge("track", tiny_model, square_folder, "--box", "900,2,3,4", "-o", out).returncode == 1
    assert out.read_text() == "old\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Square", "boxes.txt"]


def test_a_later_format_is_refused(cdedge: Run, tmp_path: Path, square_folder: Path) -> None:
    from cdedge_runtime.model.metadata import to_metadata

    metadata = {**to_metadata(make_spec()), "cdedge.format_version": "99"}
    path = tmp_path / "later.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(), metadata))
    done = cdedge("track", path, square_folder)
    assert done.returncode == 1
    assert "format version 99" in done.stderr
