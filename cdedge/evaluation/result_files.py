"""Raw results: boxes in ``NAME.txt``, seconds in ``times/NAME_time.txt``, confidences in ``scores/NAME.txt``.

Boxes are in the convention of the benchmark's own annotation (OTB: 1-based), as in got10k's result folders,
so that any evaluator can read them. Names are known in every spelling: Jogging.1 (got10k), Jogging-1 (OTB, pysot),
Jogging_1 (pytracking).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdedge.evaluation.sequence import Boxes, Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import write_whole
from cdedge_runtime.sources.rows import Row, read_rows, row_box

_PYTRACKING_PREFIX = re.compile(r"^(uav|nfs|tpl)_(?=\D)", re.IGNORECASE)
_HUMAN4 = "human4"  # OTB evaluates its second target only, so the number is often left out


def name_key(name: str) -> str:
    """Make a key that is the same for every known spelling of one sequence's name.

    >>> {name_key(n) for n in ("Jogging.1", "Jogging-1", "jogging_1")}
    {'jogging-1'}
    """
    key = _PYTRACKING_PREFIX.sub("", name).lower()
    key = re.sub(r"[._\s]", "-", key)
    return f"{_HUMAN4}-2" if key == _HUMAN4 else key


def boxes_from_rows(rows: list[Row], origin: int) -> Boxes:
    """(N, 4) boxes of rectangle and polygon rows in 0-based pixels; NaN where a row gives no box."""
    boxes = [row_box(row, origin) for row in rows]
    numbers = [(np.nan,) * 4 if b is None else (b.x, b.y, b.width, b.height) for b in boxes]
    return np.array(numbers, dtype=np.float64).reshape(-1, 4)


def malformed(rows: list[Row]) -> list[int]:
    """1-based numbers of the rows that are neither ``x,y,w,h`` nor a polygon of 8 numbers."""
    return [number for number, row in enumerate(rows, 1) if len(row) not in (4, 8)]


Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Result:
    """What a tracker said about one sequence.

    boxes: (N, 4) float64 ``x, y, w, h`` in continuous 0-based pixels; NaN where it reported none.
    times_s: (N,) seconds a frame, the first being the initialisation; None where they are not known.
    scores: (N,) the tracker's own confidence; None where it has none.
    """

    boxes: Boxes
    times_s: Values | None = None
    scores: Values | None = None


def write_result(folder: Path, sequence: Sequence, result: Result) -> Path:
    """Write the result's files, each whole or not at all, the boxes last; return the path of the boxes.

    Raises `BadInput` where the result does not have one row per frame.
    """
    rows = (result.boxes, result.times_s, result.scores)
    counts = [len(values) for values in rows if values is not None]
    if set(counts) != {len(sequence)} or result.boxes.shape[1:] != (4,):
        raise BadInput(f"{sequence.name}: expected one row of 4 for {len(sequence)} frames, got {counts}")
    if result.times_s is not None:
        write_lines(times_path(folder, sequence.name), (f"{t:.8f}" for t in result.times_s))
    if result.scores is not None:
        write_lines(scores_path(folder, sequence.name), (f"{s:.6f}" for s in result.scores))
    path = boxes_path(folder, sequence.name)
    write_lines(path, format_boxes(result.boxes, sequence.origin))
    return path


def read_result(folder: Path, sequence: Sequence) -> Result:
    """Read one sequence's result, our own or another tracker's, separated by commas, tabs or spaces.

    Raises `BadInput` where it is missing, or is incomplete: not one box for each frame.
    """
    path = find_boxes(folder, sequence.name)
    if path is None:
        raise BadInput(f"{folder}: no result for {sequence.name}, expected {sequence.name}.txt")
    boxes = _boxes(path, sequence.origin)
    if len(boxes) != len(sequence):
        state = "incomplete" if len(boxes) < len(sequence) else "not of this sequence"
        raise BadInput(f"{path}: {state}: {len(boxes)} boxes for {len(sequence)} frames")
    times = _optional(_time_candidates(path, folder), len(sequence))
    return Result(boxes, times, _optional([scores_path(folder, path.stem)], len(sequence)))


def is_complete(folder: Path, sequence: Sequence) -> bool:
    """Whether the folder holds a box for every frame of the sequence."""
    try:
        read_result(folder, sequence)
    except BadInput:
        return False
    return True


def format_boxes(boxes: Boxes, origin: int) -> Iterator[str]:
    """Lines ``x,y,w,h`` with three decimals, in the convention of ``origin``."""
    shifted = boxes + np.array([origin, origin, 0, 0])
    return (",".join(f"{v:.3f}" for v in row) for row in shifted)


def boxes_path(folder: Path, name: str) -> Path:
    """Where the boxes of a sequence are written."""
    return folder / f"{name}.txt"


def times_path(folder: Path, name: str) -> Path:
    """Where the seconds per frame of a sequence are written."""
    return folder / "times" / f"{name}_time.txt"


def scores_path(folder: Path, name: str) -> Path:
    """Where the tracker's own confidences of a sequence are written."""
    return folder / "scores" / f"{name}.txt"


def find_boxes(folder: Path, name: str) -> Path | None:
    """Find a sequence's boxes: under its own name, GOT-10k's subfolder, or another spelling; None without."""
    for path in (boxes_path(folder, name), folder / name / f"{name}_001.txt"):
        if path.is_file():
            return path
    others = [p for p in sorted(folder.glob("[!.]*.txt")) if name_key(p.stem) == name_key(name)]
    return others[0] if others else None


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text, whole or not at all, making the folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def _boxes(path: Path, origin: int) -> Boxes:
    rows = [_box(row, path, number) for number, row in enumerate(read_rows(path), 1)]
    return np.array(rows, dtype=np.float64) - np.array([origin, origin, 0, 0], dtype=np.float64)


def _box(row: Row, path: Path, number: int) -> Row:
    if len(row) != 4:
        raise BadInput(f"{path}: row {number} is not four numbers x,y,w,h; a half-written file is not scored")
    return row


def _time_candidates(path: Path, folder: Path) -> list[Path]:
    """Ours and got10k's, GOT-10k's own, and pytracking's place of a time file."""
    stem = path.stem.removesuffix("_001") if path.parent != folder else path.stem
    return [times_path(folder, stem), path.with_name(f"{stem}_time.txt")]


def _optional(candidates: list[Path], frames: int) -> Values | None:
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        return None
    values = np.array([row[0] if row else np.nan for row in read_rows(path)])
    if len(values) != frames or not np.isfinite(values).all():
        raise BadInput(f"{path}: expected a number for each of {frames} frames, got {len(values)} rows")
    return values
