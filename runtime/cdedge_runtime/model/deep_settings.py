"""Settings of a file's deep part: of the filter on its maps, and of its box head."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge_runtime.errors import BadValue
from cdedge_runtime.filter.shapes import LEAST_KEPT, MOST_KEPT, check_keep
from cdedge_runtime.record import check_record, within


@dataclass(frozen=True)
class HeadSettings:
    """Settings of a box head.

    share: of its score in the joint response, 0..1; the rest is the two filters'.
    size_rate: how fast the box's size follows the head's, times the head's score.
    center_rate: how far the box's center goes to the head's, where its score is above ``sure``.
    penalty: how much a box of another size or shape than the last one counts less: exp(-penalty (change - 1)).
    """

    share: float = within(0.5, 0, 1)
    size_rate: float = within(0.15, 0, 1)
    center_rate: float = within(0.5, 0, 1)
    sure: float = within(0.3, 0, 1)
    penalty: float = within(0.138, 0, 10)

    def __post_init__(self) -> None:
        check_record(self)


@dataclass(frozen=True)
class DeepSettings:
    """Settings of the filter on deep maps, whose grid is coarse: a cell is a quarter of the target or so.

    label_cells: standard deviation of the Gaussian label in cells. A label that is narrow for its grid is what a shift
    by half a cell destroys, and then nothing is recognised.
    padding: side of the search window over that of a square target; a long one gets more around it (`context_side_px`).
    share: of the deep response in the joint one, 0..1; the rest is the fine one's.
    every: frames from one deep look to the next, which divides ``update_every``; between them the fine filter answers
    alone. A box head looks at every frame.
    The others as in `deepcd.settings.Settings`; ``power`` keeps the sign of what it is applied to.
    """

    padding: float = within(4.0, 1, 20)
    support: float = within(1.5, 0.5, 20)
    label_cells: float = within(0.9, 0.1, 10)
    band: float = within(0.79, 0.05, 1)
    ridge: float = within(1.0, 1e-9, 1e6)
    power: float = within(1.0, 0.05, 2)
    memory: int = within(3, 1, 1000)
    learning_rate: float = within(0.02, 0, 1)
    update_every: int = within(4, 1, 10_000)
    first_iterations: int = within(30, 1, 1000)
    iterations: int = within(3, 0, 1000)
    share: float = within(0.7, 0, 1)
    keep: float = within(1.0, LEAST_KEPT, MOST_KEPT, came_later=True)
    every: int = within(1, 1, 10_000, came_later=True)

    def __post_init__(self) -> None:
        check_record(self)
        check_keep(self.keep)
        if self.update_every % self.every:
            raise BadValue(
                f"every: expected a number that divides update_every, {self.update_every}, since only a frame that is "
                f"looked at is learned, got {self.every}",
                field="every",
            )
