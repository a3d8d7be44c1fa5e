"""Memory as stacked bars: what was measured and, where it is known, what was predicted, to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from cdedge.pages.page import Cell, Column, number_cell, sortable_table
from cdedge.show.render import size
from cdedge_runtime.measure.predict import Prediction
from cdedge_runtime.measure.probe import MemoryReport

FLOOR = "libraries"
_INKS = {
    FLOOR: 6,
    "reading frames": 7,
    "library code": 7,
    "session": 5,
    "weights": 0,
    "activations": 1,
    "kept features": 2,
    "filter state": 3,
    "sample memory": 4,
    "buffers": 1,
    "rest": 6,
}
_PALE = ("library code", "kept features", "buffers", "rest")  # share an ink with another part
_MEANING = {
    FLOOR: "Python, numpy, OpenCV, onnxruntime, before any model or frame",
    "reading frames": "the images and their decoder; measured: growth by opening the source and reading a frame",
    "library code": "pages of the libraries that a run touches; the kernel can take them back",
    "session": "onnxruntime's tables; measured: in the rest",
    "weights": "the network's; measured: by shape, once",
    "activations": "the network's, alive at once; measured: by shape",
    "kept features": "the maps; measured: in the buffers",
    "filter state": "filter, its spectrum and its training's vectors; measured: by shape, with the sample memory",
    "sample memory": "stored spectra; measured: in the filter state",
    "buffers": "patch, spectra, work space; measured: by shape",
    "rest": "session, arena, allocators: what was measured less all the above",
}


@dataclass(frozen=True)
class Stack:
    """One bar: its name and bytes per part, in the order they are stacked."""

    name: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of the whole bar."""
        return sum(self.parts.values())


def measured_stack(memory: MemoryReport) -> Stack | None:
    """What a process took; None where /proc does not tell."""
    floor, source, tracker = memory.floor_bytes, memory.source_bytes, memory.tracker_bytes
    if floor is None or source is None or tracker is None:
        return None
    shapes = {
        "weights": memory.weights_bytes,
        "activations": memory.activations_bytes,
        "filter state": memory.filter_state_bytes,
        "buffers": memory.buffers_bytes,
    }
    left = max(0, tracker - sum(shapes.values()))
    code = min(left, max(0, memory.code_bytes or 0))
    parts = {FLOOR: floor, "reading frames": max(0, source), "library code": code, **shapes, "rest": left - code}
    return Stack("measured", parts)


def predicted_stack(found: Prediction) -> Stack:
    """What `predict` says a process will take."""
    return Stack(
        "predicted",
        {
            FLOOR: found.floor_bytes,
            "reading frames": found.frames_bytes,
            "library code": found.code_bytes,
            "session": found.session_bytes,
            "weights": found.weights_bytes,
            "activations": found.activations_bytes,
            "kept features": found.features_bytes,
            "filter state": found.filter_bytes,
            "sample memory": found.samples_bytes,
            "buffers": found.buffers_bytes,
        },
    )


def memory_figures(stacks: Sequence[Stack]) -> str:
    """The whole processes, what they take over the libraries, and all parts as a table."""
    over = [Stack(s.name, {part: count for part, count in s.parts.items() if part != FLOOR}) for s in stacks]
    whole = [Stack(s.name, {FLOOR: s.parts[FLOOR], "tracker": s.total - s.parts[FLOOR]}) for s in stacks]
    figures = _figure("The whole process", whole) + _figure("Over the libraries", over)
    return f'<div class="pair">{figures}</div>{_table(stacks)}'


def _figure(title: str, stacks: Sequence[Stack]) -> str:
    widest = max(stack.total for stack in stacks) or 1
    rows = "".join(_row(stack, widest) for stack in stacks)
    return f'<figure><figcaption>{escape(title)}</figcaption><ol class="stacks">{rows}</ol></figure>'


def _row(stack: Stack, widest: int) -> str:
    spans = "".join(
        f'<span class="{_css(part)}" style="width:{100 * count / widest:.2f}%" title="{escape(part)}"></span>'
        for part, count in stack.parts.items()
        if count > 0
    )
    words = ", ".join(f"{part} {size(count)}" for part, count in stack.parts.items())
    bar = f'<span class="stack" role="img" aria-label="{escape(words)}">{spans}</span>'
    return f"<li><span>{escape(stack.name)}</span>{bar}<span>{size(stack.total)}</span></li>"


def _table(stacks: Sequence[Stack]) -> str:
    parts = [part for part in _MEANING if any(part in stack.parts for stack in stacks)]
    columns = [
        Column("Part", tuple(Cell(_part(part), part) for part in parts), is_text=True),
        *(Column(stack.name.capitalize(), tuple(_bytes(stack.parts.get(part)) for part in parts)) for stack in stacks),
        Column("What it is", tuple(Cell(escape(_MEANING[part]), _MEANING[part]) for part in parts), is_text=True),
    ]
    return sortable_table("Parts of memory", columns)


def _part(name: str) -> str:
    return f'<span class="tracker"><span class="square {_css(name)}"></span><span>{escape(name)}</span></span>'


def _bytes(count: int | None) -> Cell:
    return number_cell(count, size(count))


def _css(part: str) -> str:
    return f"{'light ' if part in _PALE else ''}ink-{_INKS.get(part, 0)}"
