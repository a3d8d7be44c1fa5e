"""Who can reach a Dask scheduler: said before anything is sent, and tested without distributed."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from cdedge.evaluation.cluster import dask_hand


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.0.0.1:8786", False),
        ("tcp://10.0.0.1:8786", True),
        ("tcp://localhost.example.com:8786", True),
        ("board.lan:8786", True),
    ],
)
def test_a_scheduler_that_others_reach_is_warned_of(
    address: str, warned: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=None, as_completed=None))
    dask_hand(address)
    assert ("any code" in " ".join(capsys.readouterr().err.split())) == warned
