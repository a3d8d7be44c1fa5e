"""Tiny data sets in the layouts of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cdedge.evaluation.sequence import Dataset, Sequence

ROW = "11,21,30,40"  # in a 1-based file: x 10, y 20


def make_images(folder: Path, numbers: Iterable[int], *, digits: int = 4) -> None:
    """Image files that no reader may open: they are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:0{digits}d}.jpg").touch()


def make_text(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def make_otb(
    root: Path,
    name: str,
    numbers: Iterable[int] = range(1, 4),
    *,
    rows: Iterable[str] = (ROW,) * 3,
    file: str = "groundtruth_rect.txt",
    digits: int = 4,
) -> None:
    make_images(root / name / "img", numbers, digits=digits)
    make_text(root / name / file, rows)


def make_sequence(name: str = "Couple", boxes: object = None, *, origin: int = 1, **fields: object) -> Sequence:
    """A sequence without files; by default five frames of a box that moves by 2 px."""
    default = np.array([[10 + 2 * i, 20, 30, 40] for i in range(5)], float)
    array = default if boxes is None else np.asarray(boxes, float)
    paths = tuple(Path(f"img/{i:04d}.jpg") for i in range(1, len(array) + 1))
    return Sequence(name, paths, array, origin, **fields)


def make_dataset(*sequences: Sequence, kind: str = "otb") -> Dataset:
    return Dataset(kind, Path("root"), sequences)
