"""Which tracker an entry of trackers.ini starts, as values, as text, and opened."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from cdedge_export.options import ExportOptions
from cdedge_runtime.errors import Usage
from cdedge_runtime.estimate import ModelTracker
from cdedge_runtime.opening import open_tracker as open_file
from cdedge_runtime.record import decode, encode

from .distilling import DistillingTracker


@dataclass(frozen=True)
class Setup:
    """What both entry points are told: a ``model`` file, or what to distil at the second frame."""

    model: str | None = None
    made: ExportOptions = field(default_factory=ExportOptions)
    provider: str = "cpu"
    threads: int | None = None

    def words(self) -> dict[str, str]:
        """Name and text of what is not the default, as trackers.ini and a command line carry them."""
        said = {"model": self.model, "options": json.dumps(self.made.given()) if self.made.given() else None}
        said |= {"provider": None if self.provider == "cpu" else self.provider}
        said |= {"threads": None if self.threads is None else str(self.threads)}
        return {name: text for name, text in said.items() if text is not None}


def setup_of(model: str | None, options: str | None, provider: str, threads: str | None) -> Setup:
    """The setup of an entry's words; raises `Usage` where they are none."""
    try:
        given = {} if options is None else json.loads(options)
        made = decode(ExportOptions, {**encode(ExportOptions()), **given})
        return Setup(model, made, provider, None if threads is None else int(threads))
    except (TypeError, ValueError) as error:
        raise Usage(f"not the words of a tracker's entry: {error}") from error


def open_tracker(setup: Setup) -> ModelTracker | DistillingTracker:
    """Open the tracker of ``setup``; raises `Usage` unless it names either a model or something to distil."""
    distils = bool(setup.made.given())
    if (setup.model is not None) == distils:
        raise Usage("expected either a model file or a backbone to distil at the second frame, not both and not none")
    if setup.model is not None:
        return open_file(Path(setup.model), provider=setup.provider, threads=setup.threads)
    from cdedge_export.options import filled
    from cdedge_export.recipes.steps import steps_for

    steps_for(setup.made).check(filled(setup.made, {}))
    return DistillingTracker(setup.made, provider=setup.provider, threads=setup.threads)
