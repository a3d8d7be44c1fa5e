"""The child's side of `child.Child`: ``python -m cdedge_runtime.measure.served MODULE:FUNCTION FD``.

Each line on stdin is a request in JSON. It is answered by lines on stdout: ``{"seen": ...}`` as the work goes on, then
one ``{"answer": ...}`` or ``{"error": KIND, "text": ..., "field": ...}``. The process ends with its parent, however
that ends: ``FD`` is the reading end of a pipe that the parent holds open.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from importlib import import_module
from typing import IO, Any

from cdedge_runtime.errors import CdedgeError


def _end_with_parent(descriptor: int) -> None:
    def wait() -> None:
        os.read(descriptor, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _say(stream: IO[str], message: dict[str, Any]) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def _reply(task: str, request: Any, answers: IO[str]) -> dict[str, Any]:
    module, _, function = task.partition(":")
    try:
        work = getattr(import_module(module), function)
        return {"answer": work(request, lambda seen: _say(answers, {"seen": seen}))}
    except CdedgeError as error:
        return {"error": type(error).__name__, "text": str(error), "field": error.field}


def _main() -> None:
    task, descriptor = sys.argv[1:]
    _end_with_parent(int(descriptor))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    with answers:
        for line in sys.stdin:
            _say(answers, _reply(task, json.loads(line), answers))


if __name__ == "__main__":
    _main()
