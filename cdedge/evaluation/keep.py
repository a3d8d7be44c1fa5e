"""What a results folder holds beside the boxes: facts of each run, exported models, failures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import write_whole
from cdedge_runtime.record import decode, encode

from .job import Failure, Job, Outcome, PassMemory
from .models import model_path
from .result_files import Result, boxes_path, write_result
from .sequence import Sequence


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
        return decode(Facts, json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: damaged: {error}; remove {boxes_path(folder, name)} to track it again") from error


def read_failures(folder: Path) -> dict[str, Failure]:
    """Failures by name of the pass."""
    path = folder / "failures.json"
    if not path.is_file():
        return {}
    try:
        return decode(dict[str, Failure], json.loads(path.read_text()))
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
