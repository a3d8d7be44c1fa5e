"""What numpy's and OpenCV's OpenBLAS need, looked at before either is imported: few threads, and room."""

from __future__ import annotations

import mmap
import resource
from collections.abc import MutableMapping

from .errors import BadEnvironment

LEAST_ADDRESS_SPACE_BYTES = 576 << 20  # with numpy, OpenCV and onnxruntime loaded, a tracker takes some 550 MiB
_BUFFER_BYTES = 40 << 20  # OpenBLAS maps 32 MiB and a little for each thread that calls it
_SIDE = 128  # of a product that it takes the buffer for


def limit_blas(environment: MutableMapping[str, str]) -> None:
    """One thread for numpy's OpenBLAS, where the user has not said otherwise; to be called before numpy is imported.

    Its threads spin between the tracker's small matrix products: see benchmarks/blas_threads.py.
    """
    if "OMP_NUM_THREADS" not in environment:
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")


def check_address_space() -> None:
    """Raise `BadEnvironment` where this process may not use as much address space as the libraries take.

    OpenBLAS, which numpy and OpenCV load, ends the process itself where it gets none.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE_BYTES:
        raise BadEnvironment(
            f"this process may use {limit >> 20} MiB of address space; numpy, OpenCV, onnxruntime and a tracker take "
            f"up to {LEAST_ADDRESS_SPACE_BYTES >> 20}: raise the limit (ulimit -v)"
        )


def take_blas_room() -> None:
    """Have OpenBLAS take this thread's buffer now, before others take the room; it keeps it.

    Raises `BadEnvironment` where there is none: OpenBLAS would end the process, in the middle of a run.
    """
    import numpy as np

    try:
        mmap.mmap(-1, _BUFFER_BYTES).close()
    except OSError as error:
        raise BadEnvironment(f"no room for numpy's matrix products, {_BUFFER_BYTES >> 20} MiB: {error}") from error
    square = np.zeros((_SIDE, _SIDE), np.float32)
    square @ square
