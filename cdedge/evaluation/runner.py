"""Runs a tracker over a data set, pass by pass, and keeps each result as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from .configuration import Configuration
from .job import Failure, Job, Outcome, job_of
from .keep import keep, read_failures, write_failures
from .launch import close_all, kill_all, run_job
from .lock import locked
from .manifest import close_manifest, open_manifest
from .protocols import Pass, passes
from .result_files import is_complete
from .sequence import Dataset

Answer = tuple[Job, Outcome, "bytes | None"]
Hand = Callable[[list[Job]], Iterator[Answer]]


@dataclass(frozen=True)
class RunSummary:
    """What one run did: passes tracked now, passes found complete, and all failures by pass."""

    tracked: int
    found: int
    failures: dict[str, Failure]


def run(
    dataset: Dataset,
    configuration: Configuration,
    folder: Path,
    *,
    hand: Hand,
    jobs: int = 1,
    cluster: str | None = None,
) -> RunSummary:
    """Track every pass that is not complete in ``folder``; failed ones are tried again.

    ``hand`` gives the jobs to those who do them (`local_hand`, or a cluster's) and yields the answers as they
    come.
    Raises `Usage` where the folder is in use or holds results of another configuration, and what every pass
    would meet alike, such as missing weights.
    """
    with locked(folder):
        manifest = open_manifest(folder, configuration, jobs=jobs, cluster=cluster)
        failures = read_failures(folder)
        todo = {item.sequence.name: item for item in _all_passes(dataset, configuration)}
        total = len(todo)
        todo = {n: item for n, item in todo.items() if n in failures or not is_complete(folder, item.sequence)}
        for job, outcome, model in hand(
            [job_of(i, configuration.tracker, configuration.threads) for i in todo.values()]
        ):
            if outcome.failure is not None:
                _note(folder, failures, job.name, outcome.failure)
            keep(folder, todo[job.name].sequence, outcome, start=job, model=model)
            if outcome.failure is None:
                _note(folder, failures, job.name, None)
        close_manifest(folder, manifest)
    return RunSummary(len(todo), total - len(todo), failures)


def local_hand(jobs: int, *, limit_s: float | None = None) -> Hand:
    """Hand jobs to ``jobs`` processes at a time on this machine; a pass that takes longer than ``limit_s`` fails."""

    def hand(todo: list[Job]) -> Iterator[Answer]:
        try:
            with ThreadPoolExecutor(jobs) as pool:
                futures = {pool.submit(run_job, job, limit_s=limit_s): job for job in todo}
                try:
                    for future in as_completed(futures):
                        yield (futures.pop(future), *future.result())
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    kill_all()
                    raise
        finally:
            close_all()

    return hand


def _all_passes(dataset: Dataset, configuration: Configuration) -> Iterable[Pass]:
    return (item for sequence in dataset.sequences for item in passes(sequence, configuration.protocol))


def _note(folder: Path, failures: dict[str, Failure], name: str, failure: Failure | None) -> None:
    """Keep failures.json true: a failure is noted before the boxes it leaves, a success after its own."""
    before = failures.pop(name, None)
    if failure is not None:
        failures[name] = failure
    if failure != before:
        write_failures(folder, failures)
