"""How many threads numpy's OpenBLAS gets, told before numpy is imported."""

from __future__ import annotations

from collections.abc import MutableMapping


def limit_blas(environment: MutableMapping[str, str]) -> None:
    """One thread for numpy's OpenBLAS, where the user has not said otherwise; to be called before numpy is imported.

    Its threads spin between the tracker's small matrix products: see benchmarks/blas_threads.py.
    """
    if "OMP_NUM_THREADS" not in environment:
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
