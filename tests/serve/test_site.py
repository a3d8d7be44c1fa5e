"""What can be asked over HTTP, by a script or a page that is not ours; browsers are in test_serve_browser.py."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import cv2
import jsonschema
import numpy as np
import pytest

from cdedge.schemas.schema import json_schema
from cdedge.serve.listening import Server, token_for
from cdedge.serve.site import Site
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.sources.frames import Source

from .client import ask
from .serving import Stub, numbered, serving

_TOKEN = "secret-token"  # noqa: S105
DRAWN = {"box": [10, 10, 20, 20]}


def test_a_script_chooses_follows_and_reads_the_state() -> None:
    with serving(numbered(20), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        assert ask(running.address, "POST", "targets", DRAWN).value == {"id": 1, "warnings": []}
        running.until(lambda s: s.status == "ended")
        state = ask(running.address, path="state").value
        jsonschema.validate(state, json_schema("cdedge.state/1"))
        assert (state["schema"], state["frame"], state["viewers"]) == ("cdedge.state/1", 19, 0)
        assert state["targets"] == [{"id": 1, "box": [29, 10, 20, 20], "score": 9.5, "lost": False}]
        reply = ask(running.address, path="frame")
        assert json.loads(reply.headers["Cdedge-State"]) == state
        assert cv2.imdecode(np.frombuffer(reply.body, np.uint8), cv2.IMREAD_COLOR).shape == (60, 80, 3)
        assert ask(running.address, "DELETE", "targets/1").status == 200
        assert ask(running.address, path="state").value["targets"] == []


def test_every_command_does_what_it_says() -> None:
    with serving(numbered(5000), Stub(), first=lambda _: Box(5, 5, 20, 20)) as running:
        running.until(lambda s: s.frame > 2)
        for command, status in (("pause", "paused"), ("play", "running"), ("reset", "waiting"), ("again", "running")):
            assert ask(running.address, "POST", command).status == 200
            running.until(lambda s, status=status: s.status == status)


def test_a_viewer_is_counted_shown_each_frame_once_and_leaves() -> None:
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        first = ask(running.address, path="frame?viewer=v&after=0&width=390")
        told = json.loads(first.headers["Cdedge-State"])
        assert first.status == 200
        again = ask(running.address, path=f"frame?viewer=v&after={told['view']}")
        assert (again.status, again.body) == (204, b"")
        assert json.loads(again.headers["Cdedge-State"])["view"] > told["view"]
        assert ask(running.address, path="state").value["viewers"] == 1
        ask(running.address, "POST", "leave?viewer=v")
        running.until(lambda s: s.viewers == 0)


def test_a_box_is_followed_from_the_frame_it_was_drawn_on() -> None:
    targets = Stub()
    with serving(numbered(5000), targets, first=lambda _: Box(5, 5, 20, 20)) as running:
        running.until(lambda s: s.frame > 2)
        seen = json.loads(ask(running.address, path="frame?viewer=v").headers["Cdedge-State"])
        running.until(lambda s: s.frame > seen["frame"] + 20)
        ask(running.address, "POST", f"targets?viewer=v&view={seen['view']}", DRAWN)
        ask(running.address, "POST", "targets", DRAWN)
        assert targets.started[1] == (2, seen["frame"] % 256)
        assert targets.started[2][1] > seen["frame"] + 20


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "nothing", None, 404, "nothing here"),
        ("GET", "targets", None, 405, "expected POST"),
        ("POST", "state", None, 405, "expected GET"),
        ("PATCH", "state", None, 501, None),
        ("POST", "targets", None, 400, "expected the fields"),
        ("POST", "targets", {"box": [1, 2, 3]}, 400, "expected 4 items"),
        ("POST", "targets", {"box": [1, 2, "3", 4]}, 400, "expected a number"),
        ("POST", "targets", {"box": [5, 5, 0, 0]}, 409, "at least 1 px"),
        ("POST", "targets", {"box": [900, 5, 9, 9]}, 409, "outside the 80x60 frame"),
        ("POST", "targets", {"box": [float("nan"), 5, 9, 9]}, 400, "finite"),
        ("POST", "targets", {"box": [1] * 3000}, 413, None),
        ("POST", "targets", {"box": [10**400, 5, 9, 9]}, 400, "too large"),
        ("POST", "targets/7", DRAWN, 409, "no target 7"),
        ("DELETE", "targets/7", None, 409, "no target 7"),
        ("GET", "frame?viewer=v&width=wide", None, 400, "width=wide: expected a whole number"),
        ("POST", "agree", None, 404, "nobody waits"),
    ],
)
def test_what_is_wrong_is_answered_in_one_line(
    method: str, path: str, body: Any, status: int, text: str | None
) -> None:
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        reply = ask(running.address, method, path, body)
        assert reply.status == status
        if text is not None:
            assert text in reply.value["error"]
        assert ask(running.address, path="state").status == 200


def test_a_doubtful_box_is_followed_and_said() -> None:
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        (warning,) = ask(running.address, "POST", "targets", {"box": [3, 3, 4, 20]}).value["warnings"]
        assert "less than 6 px wide" in warning


def test_other_pages_cannot_ask() -> None:
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        own = urlsplit(running.address).netloc
        assert ask(running.address, "POST", "play", Origin="http://evil.example").status == 403
        assert ask(running.address, path="state", Host="evil.example").status == 403  # a name made to point here
        assert ask(running.address, "POST", "play", Origin=f"http://{own}").status == 200
        assert ask(running.address, path="state", Host="localhost:9999").status == 200  # a tunnel


def test_with_a_token_nothing_is_told_without_it() -> None:
    with serving(numbered(3), Stub(), token=_TOKEN) as running:
        running.until(lambda s: s.status == "waiting")
        assert running.address.endswith("/secret-token/")
        assert ask(running.address, path="state", Host="192.0.2.7:8008").status == 200
        root = running.address.removesuffix("secret-token/")
        for path in ("", "state", "frame", "page.js", "secret-toke/state", "secret-token", "secret-tokenstate"):
            reply = ask(root, path=path)
            assert reply.status == 403, path
            assert "secret" not in reply.body.decode()


def test_only_loopback_goes_without_a_token() -> None:
    assert [token_for(host, None) for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8")] == [None] * 4
    assert len({token_for(host, None) for host in ("::", "192.0.2.7", "board.local")} - {None}) == 3
    assert token_for("127.0.0.1", "abcd-1234") == "abcd-1234"
    for bad in ("short", "no/slashes/here", "spa ces spaces"):
        with pytest.raises(Usage, match="token"):
            token_for("127.0.0.1", bad)


def test_the_page_and_what_it_needs_are_there_and_nothing_is_fetched_elsewhere() -> None:
    with serving(numbered(3), Stub()) as running:
        page = ask(running.address)
        assert page.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for name in ("page.css", "page.js"):
            assert name in page.body.decode()
            assert ask(running.address, path=name).status == 200
        assert "://" not in page.body.decode()


def test_a_taken_port_is_said() -> None:
    with serving(numbered(3), Stub()) as running:
        port = urlsplit(running.address).port
        assert port is not None
        with pytest.raises(BadEnvironment, match=f"port {port}: Address already in use"):
            Server(Site(running.session, running.viewers), "127.0.0.1", port)
        with pytest.raises(BadEnvironment, match=r"nowhere\.invalid"):
            Server(Site(running.session, running.viewers), "nowhere.invalid", 0)


def _open(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_a_browser_that_takes_nothing_does_not_hold_up_the_loop() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    large = Source("large", lambda: (noise + np.uint8(i) for i in range(250)), fps=1000.0)
    with serving(large, Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        with _open(running.address) as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            ask_for = b"GET /frame HTTP/1.1\r\nHost: localhost\r\n\r\n"
            stuck.sendall(ask_for * 50)  # 50 MB come back, and none of it is read
            ask(running.address, "POST", "play")
            running.until(lambda s: s.status == "ended")
            assert ask(running.address, path="state").value["frame"] == 249


def test_a_browser_that_vanishes_is_counted_no_more() -> None:
    with serving(numbered(100_000), Stub(), first=lambda _: Box(5, 5, 20, 20)) as running:
        with _open(running.address) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing is a reset
            gone.sendall(b"GET /frame?viewer=gone HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            running.until(lambda s: s.viewers == 1)
        running.until(lambda s: s.viewers == 0)
        running.until(lambda s: s.viewers == 0 and s.frame > 50)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense",
        b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /state HTTP/1.1\r\nHost: [\r\n\r\n",
        b"POST /play HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n\r\n",
        b"POST /targets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n" + b"[" * 4000,
        b"POST /targets HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /targets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
        b"POST /play HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST /play HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /play HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET /\xff\xfe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /frame?viewer=v&after=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
    ],
)
def test_nonsense_is_refused_in_silence(sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        with _open(running.address) as browser:
            browser.sendall(sent)
            browser.shutdown(socket.SHUT_WR)
            first = browser.makefile("rb").read().partition(b"\n")[0]
        assert not re.match(rb"HTTP/\S+ [235]", first)
        assert ask(running.address, path="state").status == 200
    assert capfd.readouterr().err == ""


def test_who_asks_nothing_takes_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdedge.serve.listening._MOST_CONNECTIONS", 2)
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        with _open(running.address) as first, _open(running.address) as second:
            second.sendall(b"POST /play HTTP/1.1\r\nHost: localhost\r\nContent-Le")
            time.sleep(0.2)
            assert [ask(running.address, path="state").status for _ in range(4)] == [200] * 4
            assert first.recv(1) == b""  # the first one had waited for longest


def test_who_has_left_without_a_word_is_no_more_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdedge.serve.listening._MOST_CONNECTIONS", 1)
    with serving(numbered(3), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        for _ in range(3):
            _open(running.address).close()
            time.sleep(0.1)
        with _open(running.address):
            time.sleep(0.1)
            assert ask(running.address, path="state").status == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: 1\r\nContent-Length: 2", 400),
        ("Content-Length: x", 400),
        ("Content-Length: 5000", 413),
        ("Content-Length: " + "9" * 5000, 413),
    ],
)
def test_a_body_whose_end_is_not_known_is_refused_by_what_is_missing(header: str, status: int) -> None:
    with serving(numbered(3), Stub()) as running, _open(running.address) as browser:
        browser.sendall(f"POST /play HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
        reply = browser.makefile("rb").read()
        assert reply.startswith(f"HTTP/1.1 {status} ".encode())
        assert b'{"error": ' in reply


def test_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdedge.serve.listening._MOST_CONNECTIONS", 2)
    with serving(numbered(3), Stub()) as running:
        shown = running.until(lambda s: s.status == "waiting").view
        with _open(running.address) as one, _open(running.address) as other:
            for browser in (one, other):
                browser.sendall(f"GET /frame?after={shown} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())  # waits
            time.sleep(0.2)
            with pytest.raises((ConnectionError, OSError)):
                ask(running.address, path="state")
        for _ in range(100):
            try:
                assert ask(running.address, path="state").status == 200
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise AssertionError("the places were never given back")
        assert threading.active_count() < 10
