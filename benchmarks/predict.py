"""Predicted against measured memory over the floor, for configurations that differ in one thing or several.

Usage: python benchmarks/predict.py OUT.csv [BACKBONE.onnx HEAD.onnx]

With NanoTrack v2's backbone and head, files with these beside the layers are measured too. Models are exported from the
demo clip, whose frames are stored as JPEG files of the size that a row names. ``role`` says which rows the constants of
cdedge_runtime/measure/predict.py were fitted on; the others are the check.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2

from cdedge_export.pipeline import ExportOptions, export
from cdedge_runtime.box import Box
from cdedge_runtime.measure.predict import Footage, predict
from cdedge_runtime.measure.probe import Request, measure
from cdedge_runtime.model.contract import ModelSpec, Precision
from cdedge_runtime.model.graph import node_count
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.sources.demo import Clip
from cdedge_runtime.sources.frames import Source, image_source

FRAMES = 40


@dataclass(frozen=True)
class Case:
    """One configuration; ``channels`` None keeps all."""

    role: str
    layers: str
    channels: str | None = "0.4"
    mode: str = "chain"
    input_px: int | None = None
    frame_width: int = 480
    threads: int = 1
    settings: tuple[str, ...] = ()
    precision: Precision | None = None
    deep: str | None = None
    deep_head: str | None = None
    deep_channels: str | None = None
    deep_precision: Precision | None = None


OWN, OWN_HEAD = "cdedge_deep", "cdedge_head"
CASES = (
    Case("fit", "11"),
    Case("check", "11", None),
    Case("check", "11", "0.5", input_px=192),
    Case("check", "11", None, input_px=224),
    Case("fit", "11+12+21"),
    Case("check", "11+12+21", "0.25"),
    Case("check", "11+12+21", "0.5"),
    Case("check", "11+12+21", input_px=192),
    Case("check", "11+12+21", mode="exact"),
    Case("check", "11+12+21", None),
    Case("fit", "11+12+21", None, input_px=192),
    Case("check", "11+12+21", settings=("memory=8", "scale=none")),
    Case("check", "11+12+21", settings=("band=0.5",)),
    Case("check", "11", threads=2),
    Case("fit", "11", frame_width=1920),
    Case("check", "11+12+21", frame_width=1280, threads=2),
    Case("check", "11+12+21", precision="int8"),
    Case("check", "11+12+21", None, mode="exact", precision="fp16"),
    Case("fit", "11", deep=OWN),
    Case("check", "11+12+21", deep=OWN),
    Case("check", "11", None, input_px=192, deep=OWN),
    Case("check", "11", frame_width=1280, threads=2, deep=OWN),
    Case("check", "11", settings=("deep.memory=8",), deep=OWN),
    Case("check", "11", deep=OWN, deep_channels="0.25"),
    Case("check", "11", deep=OWN, deep_precision="fp32"),
    Case("check", "11", deep=OWN, deep_precision="fp16"),
    Case("check", "11", deep=OWN, deep_head=OWN_HEAD),
    Case("check", "11+12+21", deep=OWN, deep_head=OWN_HEAD),
    Case("check", "11", deep=OWN, deep_head=OWN_HEAD, deep_precision="int8"),
)


def of_nanotrack(backbone: str, head: str) -> tuple[Case, ...]:
    """Cases with NanoTrack's networks."""
    return (
        Case("fit", "11", deep=backbone),
        Case("check", "11+12+21", deep=backbone),
        Case("check", "11", frame_width=1920, deep=backbone),
        Case("check", "11", deep=backbone, deep_precision="fp16"),
        Case("fit", "11", deep=backbone, deep_head=head),
        Case("check", "11", None, input_px=192, deep=backbone, deep_head=head),
        Case("check", "11+12+21", frame_width=1280, threads=2, deep=backbone, deep_head=head),
    )


@dataclass(frozen=True)
class Row:
    """A case with its figures."""

    role: str
    layers: str
    channels: int
    mode: str
    input_px: int
    frame: str
    threads: int
    settings: str
    precision: str
    deep: str
    predicted_bytes: int
    measured_bytes: int
    error: float
    code_bytes: int


def clip(folder: Path, width: int) -> tuple[Source, Box]:
    """The demo clip's first frames as JPEG files of this width, and the target in the first."""
    made, images = Clip(), []
    scale = width / 480
    for t in range(FRAMES):
        images.append(folder / f"{t:04}.jpg")
        cv2.imwrite(str(images[-1]), cv2.resize(made.frame(t), None, fx=scale, fy=scale))
    box = made.box(0)
    return image_source("demo", tuple(images)), Box(*(scale * v for v in astuple(box)))


def measured(case: Case, folder: Path) -> Row:
    """Export, predict and measure one case."""
    frames = folder / str(case.frame_width)
    frames.mkdir(exist_ok=True)
    source, box = clip(frames, case.frame_width)
    options = ExportOptions(
        layers=case.layers,
        mode=case.mode,  # type: ignore[arg-type]
        distill=False if case.channels is None else None,
        channels=case.channels,
        input_px=case.input_px,
        settings=case.settings,
        precision=case.precision,
        deep=case.deep,
        deep_head=case.deep_head,
        deep_channels=case.deep_channels,
        deep_precision=case.deep_precision,
    )
    model = folder / "model.onnx"
    export(source, box, model, options=options, timed=False)
    spec = read_spec(model)
    height, width = cv2.imread(str(frames / "0000.jpg")).shape[:2]
    foretold = predict(spec, Footage((height, width)), nodes=node_count(model), threads=case.threads)
    report = measure(Request(str(model), str(frames), astuple(box), FRAMES, "cpu", case.threads))
    found, said = report.memory.over_floor_bytes, foretold.over_floor_bytes
    if found is None or report.memory.code_bytes is None:
        raise SystemExit("/proc does not tell the memory of a process here")
    return Row(
        case.role,
        case.layers,
        spec.channels,
        case.mode,
        spec.input_px[0],
        f"{width}x{height}",
        case.threads,
        " ".join(case.settings),
        spec.precision,
        deep_words(spec),
        said,
        found,
        round(said / found - 1, 4),
        report.memory.code_bytes,
    )


def deep_words(spec: ModelSpec) -> str:
    """The deep part of a file, shortly."""
    if spec.deep is None:
        return ""
    words = [Path(spec.deep.backbone).stem, f"{spec.deep.channels} channels", spec.deep.precision]
    return ", ".join(words + ["with head"] * (spec.deep.head is not None))


def main(out: Path, *networks: str) -> None:
    """Measure every case and write the table."""
    cases = CASES + (of_nanotrack(*networks) if networks else ())
    with tempfile.TemporaryDirectory() as folder, out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([field.name for field in fields(Row)])
        for case in cases:
            row = measured(case, Path(folder))
            table.writerow(astuple(row))
            print(*astuple(row))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
