"""Streams that end, stall and come back, pipes, and what of an address is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cdedge_runtime.errors import BadEnvironment, BadInput
from cdedge_runtime.plain import plain, without_secrets
from cdedge_runtime.sources import board, captures, stream
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.raw import raw_format
from cdedge_runtime.sources.reading import Reading
from tests.conftest import Done, MovingSquare
from tests.runtime.cameras import camera

SECRETS = ("admin", "pa55", "t0ken")


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.05)


def seen_until_lost(address: str, **reading: float) -> tuple[int, list[str], str]:
    said: list[str] = []
    source, count = open_source(address, Reading(tell=said.append, **reading)), 0  # type: ignore[arg-type]
    assert source.live
    assert source.link is not None
    try:
        for _ in source.frames():
            count += 1
    except BadInput as error:
        assert count == source.link.frames
        return source.link.reconnects, said, str(error)
    raise AssertionError("a live source came to an end")


def test_a_stream_that_ends_is_lost_not_at_its_end() -> None:
    with camera(12) as (_, host):
        reconnects, said, error = seen_until_lost(f"http://{host}/cam")
    assert (reconnects, said) == (0, [])
    assert "the stream ended or broke after 12 frames; no time was given to try again" in error


def test_a_stream_that_stalls_is_lost_after_its_time() -> None:
    begin = time.monotonic()
    with camera(-12) as (_, host):
        _, _, error = seen_until_lost(f"http://{host}/cam", timeout_s=1.0)
    assert "nothing came for" in error
    assert "after 12 frames" in error
    assert time.monotonic() - begin < 15


def test_a_stream_comes_back_and_is_counted_and_said() -> None:
    with camera(8, -10, 12) as (made, host):
        reconnects, said, error = seen_until_lost(f"http://{host}/cam", timeout_s=1.0, reconnect_s=1.0)
        assert len(made.asked) > 3  # the last outage was tried more than once
    assert reconnects == 2
    assert [line.partition(": ")[2].split()[0] for line in said] == ["the", "back", "nothing", "back", "the"]
    assert "reconnect_s" not in error


def test_a_camera_that_starts_later_is_waited_for() -> None:
    with camera() as (made, host):
        threading.Timer(0.3, lambda: made.script.append(10)).start()
        source = open_source(f"http://{host}/cam", Reading(reconnect_s=10.0))
        frames = source.frames()
        assert next(frames).shape == (160, 200, 3)
        assert source.link is not None
        assert (source.link.state, source.link.reconnects) == ("running", 0)


def test_pauses_double_up_to_a_limit(monkeypatch) -> None:
    pauses: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(stream.time, "sleep", sleep)
    monkeypatch.setattr(stream.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.5)

    def nobody() -> cv2.VideoCapture:
        raise BadInput("nobody is there")

    frames = stream.live_pictures(nobody, "cam", stream.Link(), reconnect_s=30.0, tell=lambda _: None)
    with pytest.raises(BadInput, match="nobody is there"):
        next(frames)
    assert pauses == [0.5, 1, 2, 4, 8, 10, 4.5]


def test_a_recording_behind_an_address_is_not_live(square_video: Callable[[int], Path]) -> None:
    with camera(recording=square_video(6)) as (_, host):
        source = open_source(f"http://{host}/clip.avi?x=1", Reading(start=2))
        assert (source.name, source.live, source.fps) == ("clip", False, 25)
        assert len(list(source.frames())) == 4


def test_track_follows_a_stream_through_an_outage(
    cdedge: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boxes.txt"
    with camera(15, 15) as (made, host):
        done = cdedge(
            *("track", tiny_model, f"http://admin:pa55@{host}/locked?token=t0ken", "--box", "40,50,24,20"),
            *("--every-frame", "--frames", 30, "--reconnect", 10, "--json", "-o", out),
        )
        assert b64decode(made.asked[-1].removeprefix("Basic ")) == b"admin:pa55"  # the opener has the password
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["frames"], answer["reconnects"]) == (30, 1)
    assert answer["source"] == f"http://{host}/locked?token=***"
    assert "trying to get it back for 10 s" in done.stderr
    kept = done.stdout + done.stderr + out.read_text()
    assert not any(secret in kept for secret in SECRETS)


def test_a_lost_stream_leaves_its_boxes_and_exit_code_1(
    cdedge: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boxes.txt"
    with camera(9) as (_, host):
        done = cdedge("track", tiny_model, f"http://{host}/cam", "--box", "40,50,24,20", "--every-frame", "-o", out)
    assert done.returncode == 1
    assert "the stream ended or broke after 9 frames" in done.stderr
    assert "(--reconnect SECONDS)" in done.stderr
    assert len(out.read_text().splitlines()) == 9


@pytest.mark.parametrize(
    "address",
    [
        "http://admin:pa55@127.0.0.1:9/cam",
        "rtsp://admin:pa55@127.0.0.1:9/cam",
        "rtsp://admin:pa/55@127.0.0.1:9/cam",
        "http://127.0.0.1:9/cam?user=admin&pwd=pa55&x=1",
        "http://127.0.0.1:9/x.mp4?token=t0ken",
        "rtspsrc location=rtsp://admin:pa55@127.0.0.1:9/ user-id=admin user-pw=pa55 ! appsink",
        "nosuch://admin:pa55@127.0.0.1/",
    ],
)
def test_no_secret_is_in_a_name_or_message(capfd, address: str) -> None:
    with pytest.raises((BadInput, BadEnvironment)) as caught:
        next(open_source(address, Reading(timeout_s=1.0)).frames())
    shown = capfd.readouterr()
    text = f"{caught.value}{shown.out}{shown.err}"
    assert not any(secret in text for secret in ("admin", "pa55", "pa/55", "t0ken"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://me:pw@cam:554/1", "rtsp://cam:554/1"),
        ("rtsp://me:p@w@cam/1", "rtsp://cam/1"),
        ("rtsp://me:p/w@cam/1", "rtsp://cam/1"),
        ("rtsp://me@cam/1", "rtsp://cam/1"),
        ("http://cam:8080/a@b/1", "http://cam:8080/a@b/1"),
        ("http://cam/1?User=me&Password=pw&size=2", "http://cam/1?User=***&Password=***&size=2"),
        ('rtspsrc location=x user-id="me too" user-pw=pw ! sink', "rtspsrc location=x user-id=*** user-pw=*** ! sink"),
        ("clips/me@home.mp4", "clips/me@home.mp4"),
        ("0", "0"),
    ],
)
def test_what_of_an_address_is_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_plain_text_has_nothing_that_steers_a_terminal() -> None:
    assert plain("a\x1b[31m\x07\r\u202e\udcffé日\n") == "a\\x1b[31m\\x07\\r\\u202e\\udcffé日\n"


def test_rtsp_goes_over_tcp_unless_the_user_has_options(monkeypatch) -> None:
    name, seen = "OPENCV_FFMPEG_CAPTURE_OPTIONS", []
    refused = SimpleNamespace(isOpened=lambda: False, release=lambda: None)

    def capture(*_: object) -> object:
        seen.append(os.environ.get(name))
        return refused

    monkeypatch.setattr(captures.cv2, "VideoCapture", capture)
    monkeypatch.delenv(name, raising=False)
    for address in ("rtsp://cam/1", "http://cam/1"):
        with pytest.raises(BadInput):
            captures.open_address(address, 1.0)
        assert name not in os.environ
    monkeypatch.setenv(name, "rtsp_transport;udp")
    with pytest.raises(BadInput):
        captures.open_address("RTSP://cam/1", 1.0)
    assert seen == ["rtsp_transport;tcp", None, "rtsp_transport;udp"]


def test_board_cameras_have_their_pipelines() -> None:
    assert "nvarguscamerasrc sensor-id=1 !" in board.pipeline("csi", "1")
    assert board.pipeline("picamera", "0").startswith("libcamerasrc ! ")
    assert 'camera-name="/base/soc/i2c0mux"' in board.pipeline("picamera", "/base/soc/i2c0mux")
    for pipeline in (board.pipeline("csi", "0"), board.pipeline("picamera", "0")):
        assert pipeline.endswith("format=BGR ! appsink drop=true max-buffers=1 sync=false")
    for kind, camera_ in (("csi", "left"), ("picamera", "1"), ("picamera", 'a" ! filesink')):
        with pytest.raises(BadInput, match=f"{kind}:"):
            board.pipeline(kind, camera_)


def test_without_gstreamer_it_is_said_what_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda _: False)
    monkeypatch.setenv("PATH", "")
    for text in ("csi:0", "picamera:0", "videotestsrc ! appsink"):
        with pytest.raises(BadEnvironment, match=r"GStreamer.*python3-opencv"):
            next(open_source(text).frames())


_CAMERA_PROGRAM = """#!{python}
import os, sys, time
open({told!r}, "a").write(repr(sys.argv[1:]) + " " + str(os.getpid()) + chr(10))
sys.stdout.buffer.write(open({data!r}, "rb").read())
sys.stdout.flush()
if not os.path.exists({ends!r}):
    time.sleep(30)
"""


@pytest.mark.parametrize(("source", "name"), [("picamera:1", "rpicam-vid"), ("csi:1", "gst-launch-1.0")])
def test_without_gstreamer_the_boards_program_is_read_and_ended(
    tmp_path: Path, monkeypatch, source: str, name: str
) -> None:
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda backend: backend != cv2.CAP_GSTREAMER)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "data").write_bytes(mjpeg(40))
    told, ends = tmp_path / "told", tmp_path / "ends"
    program = tmp_path / name
    names = {"told": str(told), "data": str(tmp_path / "data"), "ends": str(ends)}
    program.write_text(_CAMERA_PROGRAM.format(python=sys.executable, **names))
    program.chmod(0o755)
    frames = open_source(source).frames()
    assert [next(frames).shape for _ in range(5)] == [(160, 200, 3)] * 5
    arguments, _, process = told.read_text().strip().rpartition(" ")
    assert "--camera=1" in arguments or "sensor-id=1" in arguments
    frames.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{process}").exists()
    ends.touch()
    with pytest.raises(BadInput, match=f"{source}: the stream ended or broke after 40 frames"):
        list(open_source(source).frames())


def mjpeg(count: int) -> bytes:
    clip = MovingSquare(count, speed=(1, 1))
    return b"".join(cv2.imencode(".jpg", clip.frame(index))[1].tobytes() for index in range(count))


def test_a_fifo_is_read_to_its_end_without_skipping(tmp_path: Path) -> None:
    fifo = tmp_path / "frames"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(mjpeg(20)), daemon=True)
    writer.start()
    source = open_source(fifo)
    assert (source.name, source.live, source.waits) == ("frames", True, True)
    assert len(list(source.frames())) == 20
    writer.join()


_READ_STDIN = """
import sys
from cdedge_runtime.sources.frames import open_source
print([frame.tolist()[0][:2] for frame in open_source(sys.argv[1]).frames()] if sys.argv[1] != "-"
      else sum(1 for _ in open_source("-").frames()))
"""


def stdin_read(source: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", _READ_STDIN, source], input=data, capture_output=True, check=False)


def test_mjpeg_on_standard_input() -> None:
    done = stdin_read("-", mjpeg(20))
    assert done.stdout.strip() == b"20", done.stderr


@pytest.mark.parametrize(
    ("layout", "frame", "first"),
    [
        ("", bytes(range(12)), [[0, 1, 2], [3, 4, 5]]),
        (":bgr", bytes(range(12)), [[0, 1, 2], [3, 4, 5]]),
        (":gray", bytes([7, 8, 9, 10]), [[7] * 3, [8] * 3]),
        (":gray16", np.array([255, 256, 255, 256], "<u2").tobytes(), [[0] * 3, [255] * 3]),
        (":i420", bytes([16, 235, 16, 235, 128, 128]), [[0] * 3, [255] * 3]),
    ],
)
def test_raw_frames_on_standard_input(layout: str, frame: bytes, first: list[list[int]]) -> None:
    done = stdin_read(f"raw:2x2{layout}", frame * 2)
    assert json.loads(done.stdout) == [first, first], done.stderr


def test_raw_frames_of_another_size_are_said() -> None:
    done = stdin_read("raw:2x2", bytes(12 + 5))
    assert b"ends within frame 1 (from 0), 5 of 12 bytes came: are the frames 2x2 bgr?" in done.stderr


@pytest.mark.parametrize("text", ["raw:0x4", "raw:3x3:i420", "raw:4x4:rgba", "raw:99999x99999"])
def test_raw_frames_that_cannot_be(text: str) -> None:
    with pytest.raises(BadInput, match=text):
        raw_format(text)
