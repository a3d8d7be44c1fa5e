"""One run at a time in a results folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.files import clear_parts

_HOLDING = ("models", "runs", "times", "scores")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises `Usage` naming the process that has it.

    The kernel gives the lock of a dead process back, so what a killed run left behind locks nothing; its half-written
    files are cleared.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadEnvironment(f"{folder}: cannot be used as a results folder: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise Usage(f"{folder}: {holder} is writing here; wait for it, or choose another -o") from error
        os.ftruncate(descriptor, 0)
        for place in (folder, *(folder / name for name in _HOLDING)):
            clear_parts(place)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(descriptor)
