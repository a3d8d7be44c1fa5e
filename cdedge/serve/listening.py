"""The HTTP server: the standard library's, a thread per connection.

A browser asks for a picture when it has shown the last one, so nothing queues up on the way to a slow one, and
WebSockets are not needed; a thread may wait for its browser as long as it likes, the tracker's loop is another.
"""

from __future__ import annotations

import re
import secrets
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl

from cdedge_runtime.errors import BadEnvironment, Usage

from .site import Answer, Refused, Request, Site, refusal

_MOST_CONNECTIONS = 64
_MOST_BODY_BYTES = 4096
_MOST_DIGITS = 9  # of a length that is looked at
_HANGING_UP_S = 1.0
_IDLE_S = 20.0  # a connection that asks nothing, or takes nothing, for so long is closed


class Server(socketserver.ThreadingTCPServer):
    """Listens on a host and port (0: any free one); raises `BadEnvironment` where it cannot."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, site: Site, host: str, port: int) -> None:
        self.site = site
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self.silent: dict[socket.socket, None] = {}  # have asked nothing yet, or not again, the longest first
        try:
            name = host.encode() if host.isascii() else host  # a text has Python load a codec, which takes memory
            self.address_family, *_, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
            super().__init__(address[:2], _Handler)  # type: ignore[arg-type]
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadEnvironment(f"cannot listen on {host:.60} port {port}: {reason}; choose another --port") from error

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread; one too many is closed, or takes the place of who asks nothing."""
        if self._free.acquire(blocking=False) or self._has_made_room():
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def _has_made_room(self) -> bool:
        """Hang up on who has been silent for longest and take its place; False where everybody is being answered."""
        longest = next(iter(list(self.silent)), None)
        if longest is None:
            return False
        self.silent.pop(longest, None)
        with suppress(OSError):  # it may have ended meanwhile
            longest.shutdown(socket.SHUT_RDWR)
        return self._free.acquire(timeout=_HANGING_UP_S)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)
            self.silent.pop(request, None)
            self._free.release()

    def hang_up(self) -> None:
        """Hear no more requests; what is being answered is answered."""
        for connection in list(self._open):
            with suppress(OSError):  # it may have ended meanwhile
                connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    server: Server

    def handle_one_request(self) -> None:
        """Wait for a request, and answer it."""
        self.server.silent[self.connection] = None
        super().handle_one_request()

    def do_GET(self) -> None:
        try:
            body = self.rfile.read(_body_bytes(self.headers))
        except Refused as refused:
            self.close_connection = True  # where the next request begins is not known
            self._send(refusal(refused))
            return
        self.server.silent.pop(self.connection, None)
        path, _, query = self.path.partition("?")
        request = Request(
            self.command,
            path,
            dict(parse_qsl(query)),
            body,
            self.headers.get("Host"),
            self.headers.get("Origin"),
        )
        try:
            self._send(self.server.site.answer(request))
        except (ConnectionError, TimeoutError):
            self.server.site.viewers.leave(request.query.get("viewer", ""))
            raise

    do_POST = do_DELETE = do_GET  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: an address may hold the token."""


def _body_bytes(headers: Message) -> int:
    """How many bytes of a body follow; raises `Refused` for too many, or where that is not said in one number."""
    if "Transfer-Encoding" in headers:
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "send the body in one piece, with its Content-Length")
    said = headers.get_all("Content-Length", ["0"])
    if len(said) > 1 or not re.fullmatch(r"\d+", said[0], re.ASCII):
        raise Refused(HTTPStatus.BAD_REQUEST, f"Content-Length: expected one number, got {', '.join(said):.40}")
    if len(said[0]) > _MOST_DIGITS or int(said[0]) > _MOST_BODY_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected a body of at most {_MOST_BODY_BYTES} bytes")
    return int(said[0])


def token_for(host: str, wanted: str | None) -> str | None:
    """The token of an address: none where only this machine can reach it, unless one is wanted.

    A new one is short enough to type on a phone. Raises `Usage` for one that makes no path.
    """
    if wanted is not None and not re.fullmatch(r"[A-Za-z0-9_-]{8,}", wanted):
        raise Usage("--token: expected at least 8 letters, digits, - or _")
    return wanted or (None if _is_loopback(host) else secrets.token_urlsafe(9))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def listening(site: Site, host: str, port: int) -> Iterator[str]:
    """Serve in threads of its own; gives the address to open."""
    with Server(site, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="cdedge-serve", daemon=True)
        thread.start()
        try:
            name = _name_of(host)
            yield f"http://{f'[{name}]' if ':' in name else name}:{server.port}{site.prefix}"
        finally:
            server.shutdown()
            server.hang_up()


def _name_of(host: str) -> str:
    """What others may call this machine where it listens on every address."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # nothing is sent: the kernel says by which address it would go
        except OSError:
            return socket.gethostname()
        return str(asking.getsockname()[0])
