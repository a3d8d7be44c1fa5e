from __future__ import annotations

from dataclasses import replace

import pytest

from cdedge_runtime.errors import Usage
from cdedge_runtime.record import assigned
from cdedge_runtime.trackers.deepcd.settings import Settings


def test_assignments_change_what_they_name() -> None:
    expected = replace(Settings(), padding=5.0, memory=3, scale="none")
    assert assigned(Settings(), ["padding=5", "memory=3", "scale=none"]) == expected
    assert assigned(Settings(), []) == Settings()


@pytest.mark.parametrize("text", ["speed=3", "padding", "padding=wide", "memory=2.5", "scale=sideways"])
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="setting"):
        assigned(Settings(), [text])
