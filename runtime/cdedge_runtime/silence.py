"""Without what libraries print from C."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent(descriptor: int) -> Iterator[None]:
    """Within, nothing comes out of a standard stream (1: output, 2: errors) of this process, Python's own included."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)
