"""The tables of ``cdedge bench``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cdedge.show.render import Level, say, show_facts, show_table, size, tinted
from cdedge.show.stages import show_stages
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.conditions import Conditions
from cdedge_runtime.measure.noise import Change, Spread
from cdedge_runtime.measure.tegra import Tegra

_NOT_TOLD = "not readable"
_LEVELS: dict[str, Level] = {"better": "ok", "same": "ok", "worse": "bad"}


def show_bench(report: BenchReport) -> None:
    """Rates, start, memory, stages and conditions of a benchmark."""
    memory, figures = report.memory, report.spread
    what = f"{report.source}: {report.frames} frames, {report.provider}, {report.threads} threads"
    show_facts(
        f"{what}, {len(report.runs)} runs",
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
