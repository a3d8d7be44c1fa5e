"""What numpy's and OpenCV's OpenBLAS need, looked at before either is imported: few threads, and room."""

from __future__ import annotations

import resource
from collections.abc import MutableMapping

from .errors import BadEnvironment

LEAST_ADDRESS_SPACE_BYTES = 512 << 20  # with numpy, OpenCV and onnxruntime loaded, a tracker takes some 470 MiB


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
