"""Raw results that another tracker left, taken into a results folder of ours."""

from __future__ import annotations

from pathlib import Path

from cdedge_runtime.errors import BadInput, Usage

from .configuration import Configuration
from .lock import locked
from .manifest import close_manifest, open_manifest
from .result_files import is_complete, read_result, write_result
from .runner import RunSummary
from .sequence import Dataset


def import_raw(dataset: Dataset, configuration: Configuration, folder: Path, *, source: Path) -> RunSummary:
    """Copy every complete result in ``source``, of any known layout, into ``folder``.

    Boxes are taken to be in the benchmark's own convention. Raises `BadInput` where there is no complete one.
    """
    if configuration.protocol != "ope":
        raise Usage(f"--raw imports one pass per sequence, not {configuration.protocol}: use --protocol ope")
    with locked(folder):
        manifest = open_manifest(folder, configuration, jobs=1, cluster=None)
        complete = [sequence for sequence in dataset.sequences if is_complete(source, sequence)]
        if not complete:
            raise BadInput(f"{source}: no complete result of a {dataset.kind} sequence to import")
        for sequence in complete:
            write_result(folder, sequence, read_result(source, sequence))
        close_manifest(folder, manifest)
    return RunSummary(len(complete), 0, {})
