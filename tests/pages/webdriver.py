"""A headless Chromium driven over the W3C WebDriver protocol, without a client library."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_STARTED = re.compile(r"started successfully on port (\d+)")


class Browser:
    """One browser session."""

    def __init__(self, port: int, session: str) -> None:
        self._port, self._path = port, f"/session/{session}"

    def open(self, path: Path, *, width_px: int) -> None:
        """Show a file at a width of the window."""
        metrics = {"width": width_px, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._post("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})
        self._post("/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        """The value that a script returns."""
        return self._post("/execute/sync", {"script": script, "args": []})

    def click(self, xpath: str) -> None:
        """Click the first element."""
        (element,) = self._post("/element", {"using": "xpath", "value": xpath}).values()
        self._post(f"/element/{element}/click", {})

    def console(self) -> list[str]:
        """What the console holds since the last call."""
        return [entry["message"] for entry in self._post("/se/log", {"type": "browser"})]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return request(self._port, "POST", self._path + path, body)


@contextmanager
def chromium(driver: str, binary: str, profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; nothing of it is left running."""
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            port = _port(process)
            options = {"binary": binary, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = request(port, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            try:
                yield Browser(port, session)
            finally:
                request(port, "DELETE", f"/session/{session}")
        finally:
            process.terminate()


def request(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The value of one WebDriver command's answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path}: {value['error']}: {value['message']}")
    return value


def _port(process: subprocess.Popen[str]) -> int:
    for line in process.stdout or ():
        found = _STARTED.search(line)
        if found:
            return int(found[1])
    raise RuntimeError("chromedriver ended before it listened")
