"""Runs configurations and shows their scores: the work of ``cdedge evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdedge.answer import emit_json
from cdedge.evaluation.checking import check, check_runs
from cdedge.evaluation.configuration import Configuration, data_words, label
from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.job import Failure, Job, Outcome
from cdedge.evaluation.metrics import Convention
from cdedge.evaluation.runner import Answer, Hand, RunSummary, import_raw, local_hand, run
from cdedge.evaluation.score_tables import show_summary, show_sweep
from cdedge.evaluation.sequence import Dataset
from cdedge.evaluation.summary import Summary, summarize, summary_json
from cdedge.evaluation.sweep import SweepRun, read_sweep, row_of, write_table
from cdedge.outputs import check_folder
from cdedge.show.progress import work_bar
from cdedge.show.render import many, say, size, whats_next
from cdedge_runtime.errors import BadEnvironment, BadInput, BadValue, CdedgeError, Usage, exhausted
from cdedge_runtime.kinds import names
from cdedge_runtime.model.threads import MOST_THREADS


@dataclass(frozen=True)
class RunSettings:
    """How to run and score; none of it changes what a tracker says."""

    jobs: int
    dask: str | None
    limit_s: float | None
    scoring: Convention
    matlab_compat: bool

    def __post_init__(self) -> None:
        if type(self.jobs) is not int or not 1 <= self.jobs <= MOST_THREADS:
            raise BadValue(
                f"jobs: expected a whole number from 1 to {MOST_THREADS}, got {self.jobs!r:.40}", field="jobs"
            )
        if self.limit_s is not None and not (isinstance(self.limit_s, (int, float)) and self.limit_s > 0):
            raise BadValue(f"time_limit_s: expected seconds, or None, got {self.limit_s!r:.40}", field="time_limit_s")


def evaluate_one(configuration: Configuration, out: Path | None, settings: RunSettings, *, as_json: bool) -> None:
    """Run one configuration, show it; raises `CdedgeError` naming the failures at the end."""
    folder = out or Path("results") / f"{configuration.dataset}-{label(configuration)}"
    check(configuration)
    check_folder("out", folder, (configuration.root,))
    dataset = _usable(configuration)
    if out is None:
        say(f"results go to {folder}")
    summary = _scored(dataset, configuration, folder, settings)
    if as_json:
        emit_json("cdedge.evaluate/1", summary_json(summary))
    else:
        show_summary(summary)
        _tell_next(configuration, folder)
    raise_failures(summary.failures)


def evaluate_sweep(file: Path, base: Configuration, out: Path | None, settings: RunSettings, *, as_json: bool) -> None:
    """Run every configuration of a sweep file, each in a folder of its own, and write one table."""
    runs = read_sweep(file, base)
    check_runs(file, runs)
    folder = out or Path("results") / f"{base.dataset}-{file.stem}"
    check_folder("-o", folder, (base.root,))
    dataset = _usable(base)
    say(f"{len(runs)} configurations, results go to {folder}")
    rows, failures, stopped = _each_scored(runs, dataset, folder, settings)
    if not rows:
        _raise_stopped(stopped)
    if as_json:
        emit_json("cdedge.sweep/1", {"results": str(folder), "runs": rows})
    else:
        show_sweep(rows)
        whats_next("compare", *_comparable(runs, folder, rows), "--html", "compared.html")
    if stopped and failures:
        raise CdedgeError(f"{_stopped_error(stopped)}; {_failed_error(failures)}")
    _raise_stopped(stopped)
    raise_failures(failures)


def _comparable(runs: Iterable[SweepRun], folder: Path, rows: list[dict[str, Any]]) -> list[Path]:
    """What `compare` takes of a sweep: all of it, or the runs of the first one's protocol."""
    scored = {row["name"] for row in rows}
    protocols = {item.name: item.configuration.protocol for item in runs if item.name in scored}
    first = next(iter(protocols.values()))
    of_first = [folder / name for name, protocol in protocols.items() if protocol == first]
    return [folder] if len(of_first) == len(protocols) else of_first


def _each_scored(
    runs: Iterable[SweepRun], dataset: Dataset, folder: Path, settings: RunSettings
) -> tuple[list[dict[str, Any]], dict[str, Failure], dict[str, CdedgeError]]:
    """The table's rows, the failures by run and pass, and what stopped a run before its end, which stops no other."""
    rows, failures, stopped = list[dict[str, Any]](), dict[str, Failure](), dict[str, CdedgeError]()
    for item in runs:
        say(item.name)
        try:
            summary = _scored(dataset, item.configuration, folder / item.name, settings)
        except BadEnvironment:
            raise  # the next run would meet it too
        except CdedgeError as error:
            say(f"{item.name}: {error}")
            stopped[item.name] = error
            continue
        rows.append(row_of(item, summary))
        failures.update({f"{item.name}/{name}": failure for name, failure in summary.failures.items()})
        write_table(folder, rows)
    return rows, failures, stopped


def _raise_stopped(stopped: dict[str, CdedgeError]) -> None:
    if stopped:
        raise _stopped_error(stopped)


def _stopped_error(stopped: dict[str, CdedgeError]) -> CdedgeError:
    kind = Usage if all(isinstance(error, Usage) for error in stopped.values()) else BadInput
    lines = "; ".join(f"{name}: {error}" for name, error in stopped.items())
    return kind(f"{many(len(stopped), 'run')} stopped before the end: {lines}")


def run_and_score(configuration: Configuration, folder: Path, settings: RunSettings) -> Summary:
    """Bring a results folder to its end and score it."""
    check(configuration)
    check_folder("out", folder, (configuration.root,))
    return _scored(_usable(configuration), configuration, folder, settings)


def _usable(configuration: Configuration) -> Dataset:
    """The data set, what cannot be used of it said; raises `BadInput` where that is all."""
    dataset = load_dataset(configuration.dataset, Path(configuration.root), configuration.sequences)
    for name, reason in dataset.skipped:
        say(f"skipped {name}: {reason}")
    if not dataset.sequences:
        raise BadInput(f"{dataset.root}: none of its sequences can be used")
    return dataset


def _scored(dataset: Dataset, configuration: Configuration, folder: Path, settings: RunSettings) -> Summary:
    done = _run(dataset, configuration, folder, settings)
    if done.found:
        say(f"complete in {folder} before: {many(done.found, 'pass', 'passes')}")
    return summarize(folder, convention=settings.scoring, matlab_compat=settings.matlab_compat)


def _tell_next(configuration: Configuration, folder: Path) -> None:
    """One tracker's score says little: run OpenCV's beside it, or compare with what there is."""
    if configuration.tracker.tracker not in names():
        whats_next("compare", folder, "--html", "compared.html")
        return
    from cdedge.evaluation.peers import usual_peer

    same = [] if configuration.protocol == "ope" else ["--protocol", configuration.protocol]
    peer = usual_peer()
    beside = ["--tracker", f"opencv:{peer}", "-o", folder.with_name(f"{folder.name}-{peer.lower()}")]
    whats_next("evaluate", *data_words(configuration), *same, *beside)


def raise_failures(failures: dict[str, Failure]) -> None:
    """Raise `CdedgeError` listing the failures, if there are any; `BadEnvironment` where this machine caused each."""
    if failures:
        raise _failed_error(failures)


def _failed_error(failures: dict[str, Failure]) -> CdedgeError:
    lines = "; ".join(f"{name}: {failure.reason}" for name, failure in failures.items())
    of_machine = all(exhausted(failure.reason) for failure in failures.values())
    kind = BadEnvironment if of_machine else CdedgeError
    return kind(f"{len(failures)} failed (see failures.json): {lines}")


def _run(dataset: Dataset, configuration: Configuration, folder: Path, settings: RunSettings) -> RunSummary:
    tracker = configuration.tracker.tracker
    if tracker.startswith("raw:"):
        return import_raw(dataset, configuration, folder, source=Path(tracker.removeprefix("raw:")))
    hand = _shown(settings)
    return run(dataset, configuration, folder, hand=hand, jobs=settings.jobs, cluster=settings.dask)


def _hand(settings: RunSettings, see: Callable[[Job, int], None]) -> Hand:
    if settings.dask is None:
        return local_hand(settings.jobs, limit_s=settings.limit_s, see=see)
    from cdedge.evaluation.cluster import dask_hand

    return dask_hand(settings.dask, limit_s=settings.limit_s)


def _shown(settings: RunSettings) -> Hand:
    """The hand that was asked for, with progress by frames and a line for each pass as it ends."""

    def shown(todo: list[Job]) -> Iterator[Answer]:
        done = dict.fromkeys((job.name for job in todo), 0)  # no name is added, so that threads may sum it up
        with work_bar("tracking", sum(len(job.frame_paths) for job in todo), "frames") as reach:

            def see(job: Job, frames: int) -> None:
                done[job.name] = frames
                reach(sum(done.values()))

            for answer in _hand(settings, see)(todo):
                yield answer
                say(_line(answer[0], answer[1]))
                see(answer[0], len(answer[0].frame_paths))

    return shown


def _line(job: Job, outcome: Outcome) -> str:
    if outcome.failure is not None:
        where = "" if outcome.failure.frame is None else f" at frame {outcome.failure.frame + 1}"
        return f"{job.name}: FAILED{where}: {outcome.failure.reason}"
    updates = sum(outcome.times_s[1:])
    rate = f"{(len(outcome.times_s) - 1) / updates:.1f} fps" if updates > 0 else "no updates"
    over = None if outcome.memory is None else outcome.memory.over_floor_bytes
    return f"{job.name}: {len(job.frame_paths)} frames, {rate}, {sum(outcome.lost)} lost, {size(over)} of memory"
