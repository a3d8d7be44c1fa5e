"""Results in the layouts that other evaluators read; ``out`` is the tracker's own folder there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import scratch_folder, write_whole
from cdedge_runtime.sources.annotations import frame_number

from .result_files import Result, Values, boxes_path, format_boxes, is_complete, read_result, times_path, write_lines
from .sequence import Dataset, Sequence

TARGETS = ("got10k", "otb-matlab-json", "pytracking", "pysot", "vot")
READ_BACK = ("got10k", "pytracking", "pysot")  # layouts that `read_result` knows
_VOT = "unsupervised"  # the experiment, one of several in a tracker's folder
_PYTRACKING_PREFIX = {"uav123": "uav_", "nfs": "nfs_", "tc128": "tpl_"}
_SEVERAL_TARGETS = re.compile(r"^(Jogging|Skating2|Human4)-(\d)$")


def convert(results_folder: Path, dataset: Dataset, *, to: str, out: Path) -> tuple[str, ...]:
    """Write every complete result into ``out`` in the layout ``to``; return the sequences written.

    Raises `Usage` for an unknown layout, and where ``out`` holds anything else; `BadInput` where no result is complete.
    """
    if to not in TARGETS:
        raise Usage(f"unknown layout {to!r}, expected one of: {', '.join(TARGETS)}")
    complete = [s for s in dataset.sequences if is_complete(results_folder, s)]
    if not complete:
        raise BadInput(f"{results_folder}: no complete result of any {dataset.kind} sequence, nothing to convert")
    with scratch_folder() as made:
        for sequence in complete:
            _write(
                made, sequence, read_result(results_folder, sequence), to, dataset.kind, results_folder.resolve().name
            )
        _put(made, out, own=out / _VOT if to == "vot" else out)
    return tuple(sequence.name for sequence in complete)


def _write(out: Path, sequence: Sequence, result: Result, to: str, kind: str, tracker: str) -> None:
    match to:
        case "got10k":
            _got10k(out, sequence, result, kind)
        case "otb-matlab-json":
            _otb_json(out, sequence, result, tracker)
        case "pytracking":
            _pytracking(out, sequence, result, kind)
        case "pysot":
            write_lines(boxes_path(out, sequence.name), format_boxes(result.boxes, sequence.origin))
        case "vot":
            _vot(out, sequence, result)


def _put(made: Path, out: Path, own: Path) -> None:
    """Copy files into ``out`` where its part ``own`` holds nothing else: as an earlier conversion of them left it."""
    files = {out / path.relative_to(made): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    there = (path for path in own.rglob("[!.]*") if path.is_file())
    other = next((path for path in there if path not in files or path.read_bytes() != files[path]), None)
    if other is not None:
        raise Usage(f"{out}: holds {other.relative_to(out)}, which is not of this conversion; choose another -o")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)


def _got10k(out: Path, sequence: Sequence, result: Result, kind: str) -> None:
    """Files of got10k: flat with times/ for OTB and its kin, a folder per sequence for GOT-10k itself."""
    name = "Human4" if sequence.name == "Human4-2" else _SEVERAL_TARGETS.sub(r"\1.\2", sequence.name)
    boxes, times = boxes_path(out, name), times_path(out, name)
    if kind == "got10k":
        boxes, times = out / name / f"{name}_001.txt", out / name / f"{name}_time.txt"
    write_lines(boxes, format_boxes(result.boxes, sequence.origin))
    _write_times(times, result.times_s)


def _otb_json(out: Path, sequence: Sequence, result: Result, tracker: str) -> None:
    """Jwlim's tracker_benchmark: a JSON list with one record per run, here the one of OPE."""
    shifted = result.boxes + np.array([sequence.origin, sequence.origin, 0, 0])
    first = frame_number(sequence.frame_paths[0])
    record: dict[str, Any] = {
        "tracker": tracker,
        "seqName": sequence.name,
        "startFrame": first,
        "endFrame": first + len(sequence) - 1,
        "evalType": "OPE",
        "fps": _fps(result.times_s),
        "shiftType": None,
        "resType": "rect",
        "tmplsize": None,
        "res": [[round(float(v), 3) for v in row] for row in np.nan_to_num(shifted, nan=0.0)],
    }
    write_lines(out / f"{sequence.name}.json", [json.dumps([record])])


def _pytracking(out: Path, sequence: Sequence, result: Result, kind: str) -> None:
    """pytracking: whole numbers between tabs, rounded; a frame without a box is 0 0 0 0, which it repairs."""
    name = _PYTRACKING_PREFIX.get(kind, "") + _SEVERAL_TARGETS.sub(r"\1_\2", sequence.name)
    shifted = result.boxes + np.array([sequence.origin, sequence.origin, 0, 0])
    rows = np.rint(np.nan_to_num(shifted, nan=0.0)).astype(int)
    write_lines(out / f"{name}.txt", ("\t".join(map(str, row)) for row in rows))
    _write_times(out / f"{name}_time.txt", result.times_s)


def _vot(out: Path, sequence: Sequence, result: Result) -> None:
    """vot-toolkit's unsupervised experiment: 1 for the first frame, 0 for an unknown region; 0-based."""
    folder = out / _VOT / sequence.name
    regions = ["0" if "nan" in line else line for line in format_boxes(result.boxes, 0)]
    write_lines(folder / f"{sequence.name}_001.txt", ["1", *regions[1:]])
    _write_times(folder / f"{sequence.name}_001_time.value", result.times_s)


def _write_times(path: Path, times_s: Values | None) -> None:
    if times_s is not None:
        write_lines(path, (f"{t:.8f}" for t in times_s))


def _fps(times_s: Values | None) -> float | None:
    total = 0.0 if times_s is None else float(times_s.sum())
    return None if times_s is None or total <= 0 else len(times_s) / total
