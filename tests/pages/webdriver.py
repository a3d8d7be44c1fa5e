"""A headless Chromium driven over the W3C WebDriver protocol, without a client library."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_STARTED = re.compile(r"started successfully on port (\d+)")


class Browser:
    """One browser session; ``process``: the browser's own number."""

    def __init__(self, port: int, session: str, process: int) -> None:
        self.process = process
        self._port, self._path = port, f"/session/{session}"

    def open(self, path: Path, *, width_px: int) -> None:
        """Show a file at a width of the window."""
        self.visit(path.as_uri(), width_px=width_px)

    def visit(self, address: str, *, width_px: int, dark: bool = False) -> None:
        """Show an address at a width of the window, in light or dark."""
        metrics = {"width": width_px, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._post("/url", {"url": address})

    def wait(self, script: str, timeout_s: float = 20.0) -> Any:
        """The first value that counts as true of what a script returns; raises `TimeoutError` where none comes."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            value = self.run(script)
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"never true: {script}; {self.console()}")

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, kind: str = "mouse") -> None:
        """Press at a place of the window, move to another in steps, let go: with a mouse, a pen or a finger."""
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 60} for x, y in (start, middle, end)]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        pointer = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": steps}
        self._post("/actions", {"actions": [pointer]})

    def network(self, *, kilobytes_per_second: float | None) -> None:
        """Let no more come in than this; None: all there is."""
        bytes_per_second = -1 if kilobytes_per_second is None else 1000 * kilobytes_per_second
        self._command("Network.enable", {})
        limits = {"offline": False, "latency": 0, "downloadThroughput": bytes_per_second, "uploadThroughput": -1}
        self._command("Network.emulateNetworkConditions", limits)

    def picture(self) -> bytes:
        """What is to be seen now, as PNG."""
        return base64.b64decode(request(self._port, "GET", self._path + "/screenshot"))

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

    def _command(self, name: str, params: dict[str, Any]) -> None:
        """A command of Chromium's own protocol."""
        self._post("/goog/cdp/execute", {"cmd": name, "params": params})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return request(self._port, "POST", self._path + path, body)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; nothing of it is left running. Skips the test where there is none."""
    driver, binary = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or binary is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            port = _port(process)
            options = {"binary": binary, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            made = request(port, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            session = made["sessionId"]
            try:
                yield Browser(port, session, made["capabilities"]["goog:processID"])
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
