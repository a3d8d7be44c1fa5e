"""What int8 does to our own deep network: per start, how far its maps go off on the first two frames, and the boxes.

    python benchmarks/int8.py DATA ROWS.csv
    python benchmarks/int8.py table ROWS.csv...

Starts and frames as in sight.toml's `trackers`. No file is refused here, however far it goes off, so that the rows say
what a bound is worth. worst: the largest difference over the largest feature. lost: of the features' energy.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from score import half
from sight import SWEEP, Beginning, Row, by_target, rows_of, spread

from cdedge.evaluation.job import passes
from cdedge_export.graph import compare
from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import export
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.sources.frames import Source

FIELDS = ("half", "target", "start", "frames", "worst", "lost", "auc_fp32", "auc")
NO_BOUND = dict.fromkeys(compare.TOLERANCES, 1e3)


def row(here: Beginning) -> tuple[float, ...]:
    """worst, lost, and AUC in float32 and in int8, of one start."""
    source, out = Source(here.item.target, lambda: iter(here.frames[:2])), here.folder / "int8.onnx"
    scores = []
    for precision in ("fp32", "int8"):
        options = ExportOptions(deep="cdedge_deep", deep_precision=precision)  # type: ignore[arg-type]
        with mock.patch.object(compare, "TOLERANCES", NO_BOUND):
            parity = export(source, here.item.start, out, options=options, timed=False).parity
        scores.append(here.scored(open_tracker(out, threads=1))[0])
    if parity is None:
        raise SystemExit("a file with a network is held to it")
    return parity.max_rel, parity.losses[-1].error, *scores


def run(data: Path, out: Path) -> None:
    """Write a row for each start that has none yet."""
    cv2.setNumThreads(1)
    known = rows_of([out]) if out.exists() else []
    done = {(each["target"], each["start"]) for each in known}
    with out.open("a", newline="") as stream, tempfile.TemporaryDirectory() as folder:
        writer = csv.writer(stream, lineterminator="\n")
        if not known:
            writer.writerow(FIELDS)
        for name in ("tuning", "checking"):
            for sequence in half(data, name):
                for count, item in enumerate(passes(sequence, SWEEP["trackers"]["protocol"])):
                    if (item.target, str(count)) in done:
                        continue
                    frames = [
                        f for f, _ in zip(item.sequence.frames(), range(SWEEP["trackers"]["frames"]), strict=False)
                    ]
                    values = row(Beginning(item, frames, Path(folder)))
                    writer.writerow((name, item.target, count, len(frames), *(f"{value:.5g}" for value in values)))
                    stream.flush()


def table(rows: list[Row]) -> None:
    """Print AUC by halves, and the starts that go off most, by both measures."""
    for name in ("tuning", "checking", "all"):
        part = [each for each in rows if name in ("all", each["half"])]
        int8, fp32 = (by_target(part, value) for value in ("auc", "auc_fp32"))
        more = spread([int8[target] - fp32[target] for target in int8])
        print(f"{name}: {len(part)} starts, {np.mean(list(fp32.values())):.3f} in float32, int8 less that {more}")
    changes = np.array([float(each["auc"]) - float(each["auc_fp32"]) for each in rows])
    for measure in ("worst", "lost"):
        values = np.array([float(each[measure]) for each in rows])
        order = values.argsort()[::-1]
        print(
            f"{measure}: median {np.median(values):.3g}, correlation with the change of AUC "
            f"{np.corrcoef(values, changes)[0, 1]:+.2f}; the highest, and the change there:"
        )
        print(
            "  "
            + ", ".join(f"{rows[i]['target']} {rows[i]['start']} {values[i]:.3g} {changes[i]:+.3f}" for i in order[:8])
        )


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table(rows_of([Path(path) for path in sys.argv[2:]]))
    else:
        run(Path(sys.argv[1]), Path(sys.argv[2]))
