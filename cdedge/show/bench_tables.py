"""The tables of ``cdedge bench``: stages, what was measured beside an older answer, and what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from cdedge.show.render import Level, many, say, show_facts, show_stages, show_table, size, tinted
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.measure.benchmark import BenchReport, Change, Spread
from cdedge_runtime.measure.conditions import Conditions, Tegra
from cdedge_runtime.measure.predict import Footage, Prediction, predict
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.model.graph import node_count
from cdedge_runtime.record import decode, from_json

BENCH_SCHEMA = "cdedge.bench/1"


@dataclass(frozen=True)
class Compared:
    """What ``--compare`` found: every figure against the older one, and what was not alike."""

    changes: tuple[Change, ...]
    not_alike: tuple[str, ...]


def read_bench(path: Path) -> BenchReport:
    """An answer of ``cdedge bench --json``; raises `BadInput` for anything else."""
    try:
        value = from_json(path.read_text())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict) or value.pop("schema", None) != BENCH_SCHEMA:
        raise BadInput(f"{path}: not an answer of 'cdedge bench --json' (its schema is not {BENCH_SCHEMA})")
    value.pop("compared", None)
    value.pop("prediction", None)
    try:
        return decode(BenchReport, value)
    except ValueError as error:
        raise BadInput(f"{path}: an answer of another version of cdedge: {error}") from error


_NOT_TOLD = "not readable"
_LEVELS: dict[str, Level] = {"better": "ok", "same": "ok", "worse": "bad"}


def show_bench(report: BenchReport) -> None:
    """Rates, start, memory, stages and conditions of a benchmark."""
    memory, figures = report.memory, report.spread
    what = f"{report.source}: {report.frames} frames, {report.provider}, {many(report.threads, 'thread')}"
    show_facts(
        f"{what}, {many(len(report.runs), 'run')}",
        [
            (
                "fps",
                f"{range_text(figures['fps'])} end to end, {range_text(figures['fps_without_read'])} without reading",
            ),
            (
                "start",
                f"{report.load_ms:.0f} ms to load, {report.warm_up_ms:.1f} ms for the first run of the network, "
                f"{report.init_ms:.1f} ms for the first frame",
            ),
            ("outside onnxruntime", f"{report.outside_session_share:.0%} of the time without reading"),
            ("graph nodes", node_text(report.nodes)),
            ("peak memory", f"{size(memory.peak_bytes)} resident"),
            ("  floor", f"{size(memory.floor_bytes)} Python, numpy, OpenCV, onnxruntime"),
            ("  source", f"{size(memory.source_bytes)} to read frames"),
            ("  tracker", f"{size(memory.tracker_bytes)} model, session and filter"),
            (
                "by shape",
                f"weights {size(memory.weights_bytes)}, activations {size(memory.activations_bytes)}, "
                f"filter {size(memory.filter_state_bytes)}, buffers {size(memory.buffers_bytes)}",
            ),
        ],
    )
    show_stages(report.stages)
    show_conditions(report.conditions, report.conditions_after)


def show_conditions(before: Conditions, after: Conditions) -> None:
    """Under which conditions it was measured; what the machine does not tell is said."""
    show_facts(f"conditions, {before.time}", condition_facts(before, after))


def condition_facts(before: Conditions, after: Conditions) -> list[tuple[str, str]]:
    """Names and values of the conditions before and after a measurement."""
    group = "none told" if before.cgroup_bytes is None else size(before.cgroup_bytes)
    cpus = "" if before.cgroup_cpus is None else f", {before.cgroup_cpus:g} processors' worth of time"
    clock = f"{_clock(before.clock_hz)} -> {_clock(after.clock_hz)}"
    throttling = _NOT_TOLD if after.throttling is None else "; ".join(after.throttling) or "no"
    return [
        ("machine", f"{before.board or before.cpu or before.machine}, {before.system}"),
        ("processors", f"{before.usable_cpus} of {before.cpus} usable{cpus}, load {_plain(before.load)}"),
        ("memory", f"{size(before.available_bytes)} of {size(before.memory_bytes)} free, limit {group}"),
        ("governor, clock", f"{before.governor or _NOT_TOLD}, {clock}"),
        ("temperature", f"{_heat(before.temperature_c)} -> {_heat(after.temperature_c)}, throttling: {throttling}"),
        ("power mode", before.power_mode or _NOT_TOLD),
        ("tegrastats", _tegra(after.tegra)),
        ("BLAS", ", ".join(f"{k}={v}" for k, v in before.blas_threads.items()) or "no variable set"),
        ("versions", ", ".join(f"{name} {version}" for name, version in before.versions.items())),
    ]


def show_changes(changes: Sequence[Change], differences: Sequence[str]) -> None:
    """What changed against an older benchmark, and what was not alike."""
    show_table(
        "against the older benchmark",
        ["figure", "old", "new", "worse by", "noise", "verdict"],
        [_row(each) for each in changes],
    )
    for difference in differences:
        say(f"not alike: {difference}")


def _row(c: Change) -> list[str | Text]:
    old, new = _figure(c.figure, c.old), _figure(c.figure, c.new)
    return [c.figure, old, new, f"{c.worse:+.1%}", f"{c.allowed:.1%}", tinted(c.verdict, _LEVELS[c.verdict])]


def range_text(figure: Spread) -> str:
    """A median, with lowest and highest of several runs."""
    text = f"{figure.median:.1f}"
    return text if figure.runs == 1 else f"{text} ({figure.low:.1f} to {figure.high:.1f})"


def node_text(nodes: dict[str, int] | None) -> str:
    """How many nodes of the graph run where."""
    if nodes is None:
        return "not told by this onnxruntime"
    return ", ".join(f"{count} on {name}" for name, count in nodes.items())


def _figure(name: str, value: float) -> str:
    return size(int(value)) if name.endswith("_bytes") else f"{value:.4g}"


def _tegra(found: Tegra | None) -> str:
    if found is None:
        return "not there"
    busy = _NOT_TOLD if found.gpu_share is None else f"{found.gpu_share:.0%}"
    power = ", ".join(f"{name} {value:.0f} mW" for name, value in found.power_mw.items()) or _NOT_TOLD
    return f"GPU {busy} at {_clock(found.gpu_clock_hz)}, power {power}"


def _clock(hertz: float | None) -> str:
    return _NOT_TOLD if hertz is None else f"{hertz / 1e9:.2f} GHz"


def _heat(celsius: float | None) -> str:
    return _NOT_TOLD if celsius is None else f"{celsius:.0f} degrees C"


def _plain(value: float | None) -> str:
    return _NOT_TOLD if value is None else f"{value:g}"


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
    what = f"predicted memory for {answer.footage.reader} of {width}x{height}"
    show_facts(
        f"{answer.model}: {what}, {many(answer.threads, 'thread')}",
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
        said = predict(spec, footage, nodes=node_count(Path(report.model)), threads=report.threads)
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
