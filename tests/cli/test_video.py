"""A video is whole or not there, the reason is the true one, browsers play it, and the boxes do not depend on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge.show.video import Video, codec_for, drawn, held_fps, playable
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame
from tests.conftest import Done
from tests.pages.webdriver import chromium

Run = Callable[..., Done]
SEEN = Estimate(Box(5, 5, 20, 20), 0.9, lost=False)
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")


def frames(count: int, height: int = 48, width: int = 64) -> Iterator[Frame]:
    rng = np.random.default_rng(0)
    return (rng.integers(0, 255, (height, width, 3), np.uint8) for _ in range(count))


def filmed(path: Path, pictures: Iterator[Frame], fps: float = 25.0) -> BadEnvironment | None:
    with Video(path, fps, codec_for(path)) as video:
        for index, frame in enumerate(pictures):
            video.add(index, frame, SEEN)
        return video.end()


def read(path: Path) -> list[Frame]:
    capture = cv2.VideoCapture(str(path))
    found = []
    while True:
        there, frame = capture.read()
        if not there:
            break
        found.append(frame)
    capture.release()
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [1, 2, 30])
def test_every_frame_is_there(tmp_path: Path, suffix: str, count: int) -> None:
    path = tmp_path / f"v{suffix}"
    assert filmed(path, frames(count)) is None
    assert [frame.shape for frame in read(path)] == [(48, 64, 3)] * count
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fps", [1e-4, 0.5, 7.5, 23.976, 29.97003, 59.9401, 1000.0, 70000.0])
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi"])
def test_any_frame_rate(tmp_path: Path, suffix: str, fps: float) -> None:
    path = tmp_path / f"v{suffix}"
    assert filmed(path, frames(12), fps) is None
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(held_fps(fps), rel=0.01)
    capture.release()


def test_frames_of_changing_size_are_all_there(tmp_path: Path) -> None:
    pictures = (frame for size in ((48, 64), (96, 128), (30, 30)) for frame in frames(5, *size))
    assert filmed(tmp_path / "v.avi", pictures) is None
    assert [frame.shape for frame in read(tmp_path / "v.avi")] == [(48, 64, 3)] * 15


@pytest.mark.parametrize("name", ["v.gif", "v.xyz", "v", "v.txt"])
def test_containers_that_are_not_written(name: str) -> None:
    with pytest.raises(Usage, match=r"\.mp4, .*\.webm"):
        codec_for(Path(name))


def test_no_frames_no_video(tmp_path: Path) -> None:
    assert filmed(tmp_path / "v.avi", frames(0)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff%d")
    folder.mkdir()
    assert filmed(folder / "v.avi", frames(3)) is None
    assert [path.name for path in folder.iterdir()] == ["v.avi"]


def test_an_unreadable_video_is_not_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.avi"
    path.write_bytes(b"older")
    monkeypatch.setattr("cdedge.show.video._readable_frames", lambda _: 2)
    error = filmed(path, frames(9))
    assert "OpenCV lost frames (2 of 9 frames can be read)" in str(error)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small file system can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount here")
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi"])
def test_a_full_disk_costs_the_video_and_no_box(small_disk: Path, suffix: str) -> None:
    error = filmed(small_disk / f"v{suffix}", frames(200, 120, 160))
    assert "no space is left on its disk" in str(error)
    assert list(small_disk.iterdir()) == []


def test_boxes_do_not_depend_on_the_video(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdedge.show.video._readable_frames", lambda _: None)
    out = tmp_path / "boxes.txt"
    done = cdedge("track", tiny_model, square_folder, "-o", out, "--video", tmp_path / "v.avi", "--json")
    assert done.returncode == 3
    assert "it cannot be read" in done.stderr
    assert len(out.read_text().splitlines()) == 12
    assert not (tmp_path / "v.avi").exists()


@pytest.mark.parametrize("ground", [0, 80, 128, 255])
def test_the_box_is_seen_on_any_ground(ground: int) -> None:
    picture = drawn(np.full((120, 160, 3), ground, np.uint8), Estimate(Box(60, 60, 40, 40), 0.5, lost=False), 3)
    contrast = np.abs(picture[50:110, 50:110].astype(int) - ground).max(axis=2)
    assert (contrast > 100).sum() > 150


_PLAY = """
const v = document.querySelector('video');
if (v && v.readyState >= 2 && !window.asked) { window.asked = true; v.play(); }
return v && v.ended ? [v.videoWidth, v.videoHeight, v.duration, v.error] : (v && v.error ? [v.error.code] : null);
"""


def test_a_browser_plays_it(tmp_path: Path) -> None:
    assert playable(codec_for(Path("v.webm")))
    assert filmed(tmp_path / "v.webm", frames(20)) is None
    (tmp_path / "page.html").write_text("<video muted src='v.webm'></video>")
    with chromium(tmp_path / "profile") as browser:
        browser.open(tmp_path / "page.html", width_px=400)
        width, height, seconds, error = browser.wait(_PLAY, timeout_s=40)
    assert (width, height, error) == (64, 48, None)
    assert seconds == pytest.approx(20 / 25, abs=0.05)
