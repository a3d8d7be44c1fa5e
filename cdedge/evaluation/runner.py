"""Runs a tracker over a data set, pass by pass, and keeps each result as it comes, with facts, models and failures.

Results that another tracker left are taken into a folder of ours the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cdedge.evaluation.configuration import Configuration
from cdedge.evaluation.job import Failure, Job, Outcome, Pass, PassMemory, job_of, passes
from cdedge.evaluation.launch import close_all, kill_all, run_job
from cdedge.evaluation.manifest import close_manifest, locked, model_path, open_manifest
from cdedge.evaluation.result_files import Result, boxes_path, is_complete, read_result, write_result
from cdedge.evaluation.sequence import Dataset, Sequence
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import write_whole
from cdedge_runtime.record import decode, encode, from_json


@dataclass(frozen=True)
class Facts:
    """What is known of one tracked pass beside its boxes and times."""

    frames: int
    lost_frames: int
    memory: PassMemory | None


def keep(folder: Path, sequence: Sequence, outcome: Outcome, *, start: Job, model: bytes | None) -> None:
    """Write what one pass gave, the boxes last, so that a pass with boxes is complete.

    A pass that a tracker broke keeps its last box to the end (OTB's rule for frames without a box) and has no
    times. A pass whose images cannot be read has no boxes: there is nothing to score.
    """
    if model is not None:
        path = model_path(folder, sequence.name)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, model)
    if outcome.failure is not None and outcome.failure.kind == "data":
        return
    facts = Facts(len(outcome.boxes), sum(outcome.lost), outcome.memory)
    path = _facts_path(folder, sequence.name)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, (json.dumps(encode(facts)) + "\n").encode())
    write_result(folder, sequence, _result(outcome, start, len(sequence)))


def read_facts(folder: Path, name: str) -> Facts | None:
    """Facts of a pass; None for imported results. Raises `BadInput` for a damaged file."""
    path = _facts_path(folder, name)
    if not path.is_file():
        return None
    try:
        return decode(Facts, from_json(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: damaged: {error}; remove {boxes_path(folder, name)} to track it again") from error


def read_failures(folder: Path) -> dict[str, Failure]:
    """Failures by name of the pass."""
    path = folder / "failures.json"
    if not path.is_file():
        return {}
    try:
        return decode(dict[str, Failure], from_json(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: damaged: {error}; remove it to try those sequences again") from error


def write_failures(folder: Path, failures: dict[str, Failure]) -> None:
    """Write all failures."""
    text = json.dumps({name: encode(failures[name]) for name in sorted(failures)}, indent=1)
    write_whole(folder / "failures.json", (text + "\n").encode())


def _result(outcome: Outcome, start: Job, frames: int) -> Result:
    boxes = list(outcome.boxes) or [start.box]
    boxes += [boxes[-1]] * (frames - len(boxes))
    array = np.array(boxes, np.float64)
    if outcome.failure is not None:
        return Result(array)
    return Result(array, np.array(outcome.times_s), np.array(outcome.scores))


def _facts_path(folder: Path, name: str) -> Path:
    return folder / "runs" / f"{name}.json"


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


def _unseen(_job: Job, _frames: int) -> None:
    """Nobody wants to be told."""


def local_hand(jobs: int, *, limit_s: float | None = None, see: Callable[[Job, int], None] = _unseen) -> Hand:
    """Hand jobs to ``jobs`` processes at a time on this machine; a pass that takes longer than ``limit_s`` fails.

    ``see`` is told now and then, from other threads, how many frames of a job are tracked.
    """

    def hand(todo: list[Job]) -> Iterator[Answer]:
        try:
            with ThreadPoolExecutor(jobs) as pool:
                futures = {pool.submit(run_job, job, limit_s=limit_s, see=partial(see, job)): job for job in todo}
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


def import_raw(dataset: Dataset, configuration: Configuration, folder: Path, *, source: Path) -> RunSummary:
    """Copy every complete result in ``source``, of any known layout, into ``folder``.

    Boxes are taken to be in the benchmark's own convention. Raises `BadInput` where there is no complete one.
    """
    if configuration.protocol != "ope":
        raise Usage(f"--raw imports one pass per sequence, not {configuration.protocol}: use --protocol ope")
    with locked(folder):
        complete = [sequence for sequence in dataset.sequences if is_complete(source, sequence)]
        if not complete:
            raise BadInput(f"{source}: no complete result of any {dataset.kind} sequence to import")
        manifest = open_manifest(folder, configuration, jobs=1, cluster=None)
        for sequence in complete:
            write_result(folder, sequence, read_result(source, sequence))
        close_manifest(folder, manifest)
    return RunSummary(len(complete), 0, {})
