"""Hands jobs to Dask workers, on this machine or others that see the images at the same paths."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from cdedge.show.render import say
from cdedge_runtime.errors import BadEnvironment, MissingExtra

from .job import Job
from .launch import run_job
from .runner import Answer, Hand

_RETRIES = 3  # of a job whose worker died; a tracker that crashes takes no worker with it
_CONNECT_S = 10


def dask_hand(address: str, *, limit_s: float | None = None) -> Hand:
    """Hand jobs to the workers of the scheduler at ``address``, such as ``tcp://10.0.0.1:8786``.

    A pass that takes longer than ``limit_s`` fails. What a worker that dies was doing is done again by another.
    Raises `MissingExtra` without distributed,
    `BadEnvironment` where no scheduler answers.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError as error:
        raise MissingExtra("--dask needs distributed", "cluster") from error

    if not _is_private(address):
        say(
            f"{address}: whoever reaches this scheduler can run any code on its workers and read what is sent; use tls://"
        )

    def hand(todo: list[Job]) -> Iterator[Answer]:
        try:
            client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadEnvironment(f"{address}: no Dask scheduler answers there: {error}") from error
        with client:
            futures = {client.submit(run_job, job, limit_s=limit_s, pure=False, retries=_RETRIES): job for job in todo}
            for future in as_completed(list(futures), loop=client.loop):
                yield (futures.pop(future), *future.result())

    return hand


def _is_private(address: str) -> bool:
    """Whether only this machine, or whoever holds a certificate, can talk to the scheduler."""
    where = urlsplit(address if "://" in address else f"tcp://{address}")
    if where.scheme == "tls":
        return True
    try:
        return where.hostname == "localhost" or ip_address(where.hostname or "").is_loopback
    except ValueError:  # a name
        return False
