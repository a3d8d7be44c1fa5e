"""Cameras of our own on loopback: MJPEG over HTTP that ends, stalls and comes back, as a script says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2

from tests.conftest import MovingSquare


class Camera:
    """Serves ``/cam``: at the n-th connection ``script[n]`` frames, then it hangs up, or stalls where that is negative.

    After the script it refuses. ``/clip.avi`` is a recording; ``/locked`` is ``/cam`` for admin with pa55.
    """

    def __init__(self, script: Sequence[int], recording: Path | None) -> None:
        self.script, self.recording = list(script), recording
        self.asked: list[str] = []
        self.closing = threading.Event()
        clip = MovingSquare(40, speed=(1, 1))
        self.frames = [cv2.imencode(".jpg", clip.frame(index))[1].tobytes() for index in range(40)]


def _handler(camera: Camera) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            camera.asked.append(self.headers.get("Authorization", ""))
            if self.path.startswith("/clip") and camera.recording is not None:
                self._recording(camera.recording.read_bytes())
            elif self.path.startswith("/locked") and not camera.asked[-1]:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="cam"')
                self.end_headers()
            elif camera.script:
                self._live(camera.script.pop(0))
            else:
                self.send_error(503)

        def _recording(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/x-msvideo")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _live(self, count: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for data in camera.frames[: abs(count)]:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
            self.wfile.flush()
            if count < 0:
                camera.closing.wait(20)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def camera(*script: int, recording: Path | None = None) -> Iterator[tuple[Camera, str]]:
    """A camera and the address of its server, ``127.0.0.1:PORT``."""
    made = Camera(script, recording)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made, f"127.0.0.1:{server.server_port}"
    finally:
        made.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
