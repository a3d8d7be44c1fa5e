"""A small OTB data set, and hands that answer without tracking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cdedge.evaluation.configuration import Configuration, TrackerOptions
from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.job import Failure, Job, Outcome, PassMemory
from cdedge.evaluation.runner import Answer, Hand
from cdedge.evaluation.sequence import Dataset
from cdedge_export.options import ExportOptions
from tests.conftest import MovingSquare

MOSSE = TrackerOptions(ExportOptions("opencv:MOSSE"))
Box = tuple[float, float, float, float]


def make_squares(root: Path, names: str = "ABC", frames: int = 6) -> Dataset:
    """Sequences of one letter each, as an OTB folder with real images."""
    for name in names:
        MovingSquare(frames).save(root / name)
    return load_dataset("otb", root)


def truth(job: Job) -> tuple[Box, ...]:
    clip = MovingSquare(len(job.frame_paths))
    boxes = (clip.box(i) for i in range(len(job.frame_paths)))
    return tuple((b.x, b.y, b.width, b.height) for b in boxes)


def perfect(job: Job) -> Outcome:
    count = len(job.frame_paths)
    memory = PassMemory(50, 70, 20)
    return Outcome(truth(job), (0.5, *(0.01,) * (count - 1)), (9.0,) * count, (False,) * count, None, memory)


def broken_at(job: Job, frame: int, kind: str = "tracker") -> Outcome:
    failure = Failure(kind, "RuntimeError: gone", frame)  # type: ignore[arg-type]
    return Outcome(truth(job)[:frame], (0.1,) * frame, (1.0,) * frame, (False,) * frame, failure, None)


def hand_of(answer: Callable[[Job], Outcome], seen: list[str]) -> Hand:
    """A hand that notes the names of the jobs it is given."""

    def hand(todo: list[Job]) -> Iterator[Answer]:
        for job in todo:
            seen.append(job.name)
            yield job, answer(job), None

    return hand


def configure(root: Path, tracker: TrackerOptions = MOSSE, **changes: object) -> Configuration:
    values: dict[str, object] = {
        "dataset": "otb",
        "root": str(root),
        "sequences": None,
        "protocol": "ope",
        "threads": 1,
        "tracker": tracker,
    }
    return Configuration(**{**values, **changes})  # type: ignore[arg-type]
