from __future__ import annotations

import pytest

from cdedge.serve.targets import Untracked
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from tests.conftest import MovingSquare


def test_what_is_not_tracked_stays_where_it_was_drawn() -> None:
    clip, targets = MovingSquare(), Untracked()
    assert targets.first() is None
    targets.start(2, clip.frame(0), Box(1, 2, 30, 40))
    targets.start(5, clip.frame(0), Box(3, 2, 30, 40))
    assert targets.update(clip.frame(9))[2].box == targets.first() == Box(1, 2, 30, 40)
    with pytest.raises(BadInput, match="outside"):
        targets.start(2, clip.frame(0), Box(900, 2, 30, 40))
    targets.stop(2)
    assert targets.first() == Box(3, 2, 30, 40)
