"""What a browser or a script can ask of a session: one answer per request."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from cdedge.doubts import doubts
from cdedge_runtime.box import Box
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.record import decode, encode, from_json

from .session import Session
from .state import STATE_SCHEMA, State
from .view import View
from .viewers import LEVELS, Pictures, Viewers, encoded

_POLL_S = 4.0  # a request for a picture waits so long for a new one
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_ASSETS = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}
_POLICY = "default-src 'none'; img-src 'self' blob: data:; connect-src 'self'; style-src 'self'; script-src 'self'"
_DEFAULT_WIDTH_PX = 640
_FULL = LEVELS[-1]


@dataclass(frozen=True)
class Request:
    """A request: ``path`` from the root, ``query`` with the first value of each name; headers are None where absent."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    host: str | None = None
    origin: str | None = None


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    kind: str = "application/json"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """The body of a request that draws a target: ``x, y, width, height`` in pixels from 0."""

    box: tuple[float, float, float, float]


class Refused(Exception):
    """A request that cannot be answered, with the status and the line that say why."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Site:
    """What is served: ``token`` begins every path, and is None where only this machine can ask.

    ``agreed`` is told when a browser's user has said that the box is right; None where nobody waits for that.
    """

    session: Session
    viewers: Viewers
    token: str | None = None
    agreed: Callable[[], None] | None = None
    pictures: Pictures = field(default_factory=Pictures)

    @property
    def prefix(self) -> str:
        """What every path begins with."""
        return "/" if self.token is None else f"/{self.token}/"

    def answer(self, request: Request) -> Answer:
        """Answer a request; what is wrong with it is an answer as well."""
        try:
            self._check(request)
            return self._find(request)
        except Refused as refused:
            return refusal(refused)
        except CdedgeError as problem:
            return _json(HTTPStatus.CONFLICT, {"error": str(problem)})

    def _check(self, request: Request) -> None:
        """Let in who knows the token; without one, only names of this machine, so that no other page can ask."""
        if self.token is None:
            if _host_name(request.host) not in _LOOPBACK:
                raise Refused(HTTPStatus.FORBIDDEN, f"this is not {request.host}: ask for localhost")
        elif not secrets.compare_digest(request.path[: len(self.prefix)].encode(), self.prefix.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "the address holds a token: see what cdedge printed when it started")
        if request.origin is not None and request.origin.partition("://")[2] != request.host:
            raise Refused(HTTPStatus.FORBIDDEN, f"a page of {request.origin} must not ask here")

    def _find(self, request: Request) -> Answer:
        path = request.path[len(self.prefix) :]
        allowed = []
        for method, pattern, act in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found is not None and method == request.method:
                return act(self, request, *found.groups())
            if found is not None:
                allowed.append(method)
        if allowed:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path}: expected {' or '.join(allowed)}")
        raise Refused(HTTPStatus.NOT_FOUND, f"{request.path}: there is nothing here")


def refusal(refused: Refused) -> Answer:
    """What is sent back to who cannot be answered."""
    return _json(refused.status, {"error": str(refused)})


def _host_name(host: str | None) -> str | None:
    """The name in a ``Host`` header, without the port; None for what is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _asset(_site: Site, _request: Request, name: str) -> Answer:
    file, kind = _ASSETS[name]
    text = files(__package__).joinpath(file).read_bytes()
    guards = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    return Answer(HTTPStatus.OK, f"{kind}; charset=utf-8", text, guards)


def _state(site: Site, request: Request) -> Answer:
    if "viewer" in request.query:
        site.viewers.meet(request.query["viewer"])
    return _json(HTTPStatus.OK, _told(site.session.board.shown().state))


def _frame(site: Site, request: Request) -> Answer:
    """The newest picture once it is another than ``after``, with its state; no content where only the state is new.

    Who gives no ``viewer`` is a script: it gets the picture in full, and is not counted.
    """
    name, after = request.query.get("viewer"), _whole_number(request, "after", 0)
    if name is None:
        view = site.session.board.newer_than(after, _POLL_S) or site.session.board.shown()
        return _picture(view, encoded(view.frame, _FULL))
    viewer = site.viewers.meet(name)
    time.sleep(viewer.asks(time.monotonic()))
    view = site.session.board.newer_than(after, _POLL_S) or site.session.board.shown()
    viewer = site.viewers.meet(name)  # it may have waited for long
    if viewer.shown and viewer.shown[-1].frame is view.frame:
        viewer.shown[-1] = view
        return _picture(view, None)
    viewer.shown.append(view)
    jpeg = site.pictures.jpeg(view.frame, viewer.fit.level_for(_whole_number(request, "width", _DEFAULT_WIDTH_PX)))
    viewer.sent_s = time.monotonic()
    return _picture(view, jpeg)


def _picture(view: View, jpeg: bytes | None) -> Answer:
    headers = {"Cdedge-State": json.dumps(_told(view.state))}
    if jpeg is None:
        return Answer(HTTPStatus.NO_CONTENT, headers=headers)
    return Answer(HTTPStatus.OK, "image/jpeg", jpeg, headers)


def _draw(site: Site, request: Request, number: str | None = None) -> Answer:
    """Follow what is in a box: of the view that its viewer was shown, or of the newest."""
    try:
        drawn = decode(Drawn, from_json((request.body or b"null").decode()), "body")
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f'{error}; send {{"box": [x, y, width, height]}}') from error
    view, box = _looked_at(site, request), Box(*drawn.box)
    taken = site.session.select(box, view, None if number is None else int(number))
    return _json(HTTPStatus.OK, {"id": taken, "warnings": doubts(box, view.frame.shape)})


def _looked_at(site: Site, request: Request) -> View:
    """The view that a box was drawn on; its viewer lets go of it."""
    shown: list[View] = []
    if "viewer" in request.query:
        viewer = site.viewers.meet(request.query["viewer"])
        viewer.holds, shown = False, list(viewer.shown)
    wanted = _whole_number(request, "view", 0)
    return next((view for view in shown if view.state.view == wanted), None) or site.session.board.shown()


def _remove(site: Site, _request: Request, number: str) -> Answer:
    site.session.remove(int(number))
    return _DONE


def _hold(site: Site, request: Request) -> Answer:
    """A box is being drawn: a recording stands still meanwhile."""
    site.viewers.meet(request.query.get("viewer", "")).holds = True
    return _DONE


def _release(site: Site, request: Request) -> Answer:
    site.viewers.meet(request.query.get("viewer", "")).holds = False
    site.session.nudge()
    return _DONE


def _leave(site: Site, request: Request) -> Answer:
    site.viewers.leave(request.query.get("viewer", ""))
    site.session.nudge()
    return _DONE


def _agree(site: Site, _request: Request) -> Answer:
    if site.agreed is None:
        raise Refused(HTTPStatus.NOT_FOUND, "nobody waits for a box here")
    if not site.session.board.shown().state.targets:
        raise Refused(HTTPStatus.CONFLICT, "no box has been drawn yet")
    site.agreed()
    return _DONE


def _command(act: Callable[[Session], None]) -> Callable[[Site, Request], Answer]:
    def run(site: Site, _request: Request) -> Answer:
        act(site.session)
        return _DONE

    return run


def _told(state: State) -> dict[str, Any]:
    return {"schema": STATE_SCHEMA, **encode(state)}


def _whole_number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"\d{1,12}", text):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name}={text}: expected a whole number")
    return int(text)


def _json(status: HTTPStatus, value: dict[str, Any]) -> Answer:
    return Answer(status, body=json.dumps(value).encode() + b"\n")


_DONE = _json(HTTPStatus.OK, {})
_TARGET = r"targets/(\d{1,6})"
_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "(|page.css|page.js)", _asset),
    ("GET", "state", _state),
    ("GET", "frame", _frame),
    ("POST", "targets", _draw),
    ("POST", _TARGET, _draw),
    ("DELETE", _TARGET, _remove),
    ("POST", "hold", _hold),
    ("POST", "release", _release),
    ("POST", "leave", _leave),
    ("POST", "play", _command(lambda session: session.pause(False))),
    ("POST", "pause", _command(lambda session: session.pause(True))),
    ("POST", "reset", _command(Session.reset)),
    ("POST", "again", _command(Session.again)),
    ("POST", "agree", _agree),
)
