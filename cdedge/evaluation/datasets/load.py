"""A benchmark's folder to a `Dataset`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from cdedge.evaluation.result_files import name_key
from cdedge.evaluation.sequence import Dataset, Sequence
from cdedge_runtime.errors import BadInput, Usage

from . import folder, got10k, lasot, nfs, otb, tc128, uav123, vot
from .assemble import Entry


class Layout(NamedTuple):
    """How one benchmark lies on disk: finds its sequences, and says what it looks for."""

    entries: Callable[[Path], list[Entry]]
    text: str


LAYOUTS = {
    "otb": Layout(otb.entries, otb.LAYOUT),
    "tc128": Layout(tc128.entries, tc128.LAYOUT),
    "uav123": Layout(uav123.entries, uav123.LAYOUT),
    "uav20l": Layout(uav123.long_entries, uav123.LONG_LAYOUT),
    "vot": Layout(vot.entries, vot.LAYOUT),
    "got10k": Layout(got10k.entries, got10k.LAYOUT),
    "lasot": Layout(lasot.entries, lasot.LAYOUT),
    "nfs": Layout(nfs.entries, nfs.LAYOUT),
    "folder": Layout(folder.entries, folder.LAYOUT),
}
KINDS = tuple(LAYOUTS)


def load_dataset(kind: str, root: Path, names: Iterable[str] | None = None) -> Dataset:
    """Read the annotations of a benchmark; no image is opened.

    ``names`` keeps some sequences, in any known spelling. A sequence that cannot be used is in ``skipped``.
    Raises `Usage` for an unknown kind or name, `BadInput` where ``root`` does not hold the benchmark.
    """
    if kind not in LAYOUTS:
        raise Usage(f"unknown data set {kind!r}, expected one of: {', '.join(LAYOUTS)}")
    layout = LAYOUTS[kind]
    if not os.path.isdir(root):  # noqa: PTH112 - False too for a name that is too long
        raise BadInput(f"{root}: no such folder, expected the root of {kind} data: {layout.text}")
    found = layout.entries(root)
    if not found:
        raise BadInput(f"{root}: no {kind} sequence here, expected {layout.text}")
    return _load(kind, root, found if names is None else _chosen(found, names))


def _chosen(found: list[Entry], names: Iterable[str]) -> list[Entry]:
    known = {name_key(entry.name): entry for entry in found}
    wanted = {name_key(name): name for name in names}
    unknown = [name for key, name in wanted.items() if key not in known]
    if unknown:
        there = ", ".join(entry.name for entry in found[:8]) + (", ..." if len(found) > 8 else "")
        raise Usage(f"no sequence named {', '.join(unknown)}; there are: {there}")
    return [known[key] for key in wanted]


def _load(kind: str, root: Path, found: list[Entry]) -> Dataset:
    loaded = [(entry.name, _sequence_or_reason(entry)) for entry in found]
    sequences = tuple(item for _, item in loaded if isinstance(item, Sequence))
    skipped = tuple((name, item) for name, item in loaded if isinstance(item, str))
    return Dataset(kind, root, sequences, skipped)


def _sequence_or_reason(entry: Entry) -> Sequence | str:
    try:
        return entry.load()
    except BadInput as error:
        return str(error)
