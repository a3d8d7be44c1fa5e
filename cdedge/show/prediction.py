"""Predicted memory: the answer of ``cdedge bench --predict``, and the prediction beside what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cdedge.show.render import say, show_facts, size
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.predict import Footage, Prediction, predict
from cdedge_runtime.model.contract import ModelSpec

PREDICT_SCHEMA = "cdedge.predict/1"
_MEANING = {
    "floor": "Python, numpy, OpenCV, onnxruntime; stated, measured on x86-64",
    "code": "library code that a run touches; fitted on x86-64",
    "session": "onnxruntime's and Python's own tables; fitted on x86-64",
    "weights": "as read and as laid out for the kernels",
    "activations": "of the network, alive at once",
    "features": "the kept maps",
    "filter": "the filter, its spectrum, its training",
    "samples": "the memory of windows",
    "buffers": "patch, spectra, work space",
    "frames": "images and their decoder",
}


@dataclass(frozen=True)
class Answer:
    """What was predicted for which file and frames."""

    model: str
    footage: Footage
    threads: int
    predicted: Prediction


@dataclass(frozen=True)
class Checked:
    """A prediction beside a measurement.

    error: (predicted - measured) / measured, over the floor; None where /proc does not tell.
    """

    predicted: Prediction
    over_floor_bytes: int
    error: float | None


def show_prediction(answer: Answer) -> None:
    """Every part and the sum."""
    height, width = answer.footage.frame_px
    said = answer.predicted
    parts = {name.removesuffix("_bytes"): count for name, count in asdict(said).items()}
    show_facts(
        f"{answer.model}: predicted memory for {answer.footage.reader} of {width}x{height}, {answer.threads} threads",
        [
            *((name, f"{size(count)}  {_MEANING[name]}") for name, count in parts.items()),
            ("over the floor", size(said.over_floor_bytes)),
            ("total", f"{size(said.floor_bytes + said.over_floor_bytes)} at the peak"),
        ],
    )


def checked(spec: ModelSpec, footage: Footage, report: BenchReport) -> Checked | None:
    """The prediction for what was measured; None, and said why, where there is none."""
    if report.request.provider != "cpu":
        say("memory is predicted for the CPU provider only")
        return None
    try:
        said = predict(spec, footage, threads=report.threads)
    except CdedgeError as error:
        say(str(error))
        return None
    found = report.memory.over_floor_bytes
    return Checked(said, said.over_floor_bytes, said.over_floor_bytes / found - 1 if found else None)


def show_checked(report: BenchReport, found: Checked) -> None:
    """Predicted beside measured."""
    error = "" if found.error is None else f" ({found.error:+.1%})"
    show_facts(
        "memory over the floor",
        [
            (
                "measured",
                f"{size(report.memory.over_floor_bytes)}, of it library code {size(report.memory.code_bytes)}",
            ),
            ("predicted", f"{size(found.over_floor_bytes)}{error}"),
        ],
    )
