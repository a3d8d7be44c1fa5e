"""One tracker on a page, and the order in which trackers are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdedge.evaluation.results import Evaluation
from cdedge.pages.plots import Ink, ink
from cdedge_runtime.errors import BadInput


@dataclass(frozen=True, eq=False)
class TrackerOnPage:
    """Scores of one tracker and what its run's manifest knows; None where it does not.

    machine: the machine in words, with its threads, since times depend on them.
    date: when the results were made, such as ``2025-03-01``.
    peak_memory_bytes: peak resident memory of the process that tracked.
    channels: how many channels of features the tracker computes, the mean over its models.
    """

    evaluation: Evaluation
    machine: str | None = None
    date: str | None = None
    peak_memory_bytes: int | None = None
    channels: float | None = None

    @property
    def name(self) -> str:
        """The tracker's name on the page."""
        return self.evaluation.name


@dataclass(frozen=True, eq=False)
class Inked:
    """A tracker with its look."""

    page: TrackerOnPage
    ink: Ink

    @property
    def evaluation(self) -> Evaluation:
        """The tracker's scores."""
        return self.page.evaluation

    @property
    def name(self) -> str:
        """The tracker's name on the page."""
        return self.page.name


def inked(trackers: Sequence[TrackerOnPage]) -> list[Inked]:
    """Trackers in the given order; raises `BadInput` where they cannot be compared on one page."""
    if not trackers:
        raise BadInput("a comparison needs at least one tracker, got none")
    names = [tracker.name for tracker in trackers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"two results are called {twice[0]}; rename one folder, so that they can be told apart")
    for what in ("kind", "convention"):
        values = sorted({getattr(tracker.evaluation, what) for tracker in trackers})
        if len(values) > 1:
            raise BadInput(f"results of one data set and convention can be compared, got {' and '.join(values)}")
    return [Inked(tracker, ink(index)) for index, tracker in enumerate(trackers)]


def by_auc(trackers: Sequence[Inked]) -> list[Inked]:
    """Order by the area under the success curve, the best first."""
    return sorted(trackers, key=lambda tracker: -tracker.evaluation.mean.auc)


def by_precision(trackers: Sequence[Inked]) -> list[Inked]:
    """Order by the precision at 20 px, the best first."""
    return sorted(trackers, key=lambda tracker: -tracker.evaluation.mean.precision_20px)


def common_sequences(trackers: Sequence[Inked]) -> set[str]:
    """Names of the sequences that every tracker has a score for."""
    return set.intersection(*({score.name for score in t.evaluation.scores} for t in trackers))


def name_width(trackers: Sequence[Inked]) -> str:
    """Tell the style how wide the longest name is, so that columns of names line up."""
    longest = max(len(tracker.name) for tracker in trackers)
    return f"--name:{longest + 2}ch"  # letters such as m are wider than the digit that ch stands for
