"""A real RTSP stream, where this machine has GStreamer's server: over TCP, cut and come back."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.reading import Reading
from tests.conftest import MovingSquare

PYTHON = Path("/usr/bin/python3")  # the system's, which has its bindings
SERVER = Path(__file__).with_name("rtsp_server.py")
NEEDED = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
    "Gst.init(None); "
    "raise SystemExit(not all(map(Gst.ElementFactory.find, ('multifilesrc', 'jpegenc', 'rtpjpegpay'))))"
)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip("no GStreamer RTSP server (Debian: python3-gi, gir1.2-gst-rtsp-server-1.0, plugins base and good)")
    clip = MovingSquare(40, speed=(1, 1))
    for index in range(40):
        cv2.imwrite(str(tmp_path / f"{index:04d}.jpg"), clip.frame(index))
    return tmp_path / "%04d.jpg"


@contextmanager
def served(pictures: Path, port: int) -> Iterator[None]:
    with subprocess.Popen([PYTHON, SERVER, str(port), pictures], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield
        finally:
            server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_rtsp_camera_is_read_over_tcp_and_comes_back_after_a_cut(pictures: Path) -> None:
    said: list[str] = []
    port, clip = free_port(), MovingSquare(40, speed=(1, 1))
    source = open_source(f"rtsp://me:pa55@127.0.0.1:{port}/cam", Reading(reconnect_s=60, tell=said.append))
    assert source.live
    assert source.link is not None
    frames = source.frames()
    with served(pictures, port):
        seen = [next(frames) for _ in range(5)]
    with served(pictures, port):
        for frame in islice(frames, 300):  # those on their way at the cut come first
            seen.append(frame)
            if source.link.reconnects:
                break
    frames.close()
    assert source.link.reconnects == 1
    assert len(said) == 2
    assert "pa55" not in "".join(said)
    for frame in (seen[0], seen[-1]):
        assert min(np.abs(frame.astype(int) - clip.frame(index)).mean() for index in range(40)) < 3
