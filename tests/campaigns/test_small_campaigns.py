"""Small, seeded versions of benchmarks/robustness.py: nothing but refusals, answers and whole files."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the attacked models are built with onnx")
if sys.platform != "linux":
    pytest.skip("children are watched through /proc", allow_module_level=True)

from benchmarks.campaign import kills, limits, shells, worker
from benchmarks.campaign.commands import Ran
from benchmarks.campaign.media import write_video
from benchmarks.campaign.tally import CLEAN, Case, table
from benchmarks.campaign.worker import judged
from cdedge_runtime.kinds import find_kind
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

SEED = 5


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models of the trackers that take the tiny network."""
    folder = tmp_path_factory.mktemp("models")
    for tracker in ("deepcd", "cf2", "eco"):
        spec = make_spec(tracker=tracker, settings=find_kind(tracker).settings())
        (folder / f"{tracker}.onnx").write_bytes(tiny_model_bytes(spec))
    return folder


@pytest.mark.parametrize(
    ("section", "count"), [("models", 150), ("media", 100), ("settings", 40), ("entries", 120), ("readback", 120)]
)
def test_cases_in_children_are_clean(section: str, count: int, models: Path) -> None:
    found = list(judged(section, SEED, range(count), models))
    assert len(found) == count
    assert [case for case in found if case.verdict != CLEAN] == []


@pytest.fixture(scope="module")
def inputs(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands are given."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copytree(models, folder / "models")
    for name in "AB":
        MovingSquare(4).save(folder / "data" / name)
    write_video(MovingSquare(12, speed=(1, 1)), folder / "clip.avi")
    return folder


@pytest.fixture(scope="module")
def attacked(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[kills.Attacked]:
    return kills.prepared(inputs, tmp_path_factory.mktemp("references"), ("track", "evaluate"))


@pytest.mark.parametrize("number", range(4))
def test_a_killed_command_leaves_nothing_half(
    number: int, attacked: list[kills.Attacked], inputs: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng([SEED, number])
    verdict, what = kills.attack(attacked[number % 2], rng, inputs, tmp_path)
    assert verdict == CLEAN, what


@pytest.mark.parametrize("number", range(12))
def test_no_shell_has_an_input_replaced(number: int, inputs: Path, tmp_path: Path) -> None:
    verdict, what = shells.attack(np.random.default_rng([SEED, number]), inputs, tmp_path)
    assert verdict == CLEAN, what


@pytest.mark.parametrize("number", range(3))
def test_little_of_everything_is_said_in_a_line(number: int, inputs: Path, tmp_path: Path) -> None:
    verdict, what = limits.starve(inputs, np.random.default_rng([SEED, number]), tmp_path)
    if verdict == "skipped":
        pytest.skip(what)
    assert verdict == CLEAN, what


def ran(**changes: object) -> Ran:
    return Ran(
        **{"code": 0, "out": "", "talk": "", "seconds": 1.0, "peak_bytes": 1, "hung": False, "orphans": 0, **changes}
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"hung": True}, "hang"),
        ({"talk": "Traceback (most recent call last):\nKeyError: 3"}, "traceback"),
        ({"code": -11}, "crash"),
        ({"code": 9}, "crash"),
        ({"peak_bytes": 2 << 30}, "memory"),
        ({"orphans": 1}, "crash"),
    ],
)
def test_a_command_that_ends_badly_is_seen(changes: dict[str, object], verdict: str) -> None:
    found = ran(**changes).fault()
    assert found is not None
    assert found[0] == verdict
    assert ran().fault() is None


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("os.abort()", "crash"),
        ("raise KeyError(3)", "traceback"),
        ("bytearray(1200 << 20)", "memory"),
        ("time.sleep(60)", "hang"),
    ],
)
def test_a_case_that_ends_badly_is_seen_and_the_next_is_judged(
    line: str, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = f"def judge(rng, number, place):\n    {line}\n    return 'clean', ''"
    code = f"import os, time\n\n{judge}\n\ndef ready(folder):\n    return judge\n"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types\n"
        "made = types.ModuleType('planted')\n"
        f"exec({code!r}, made.__dict__)\n"
        "sys.modules['benchmarks.campaign.planted'] = made\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    if verdict == "hang":
        monkeypatch.setattr(worker, "PATIENCE_S", 5.0)
    assert [case.verdict for case in judged("planted", 0, range(2), tmp_path)] == [verdict] * 2


def test_the_table_counts_and_names_what_was_found() -> None:
    cases = [Case("models", 0, CLEAN, "x"), Case("models", 1, "crash", "gone"), Case("disks", 0, "skipped", "no root")]
    lines = list(table(cases))
    assert lines[1].split() == ["models", "2", "1", "0", "0", "1", "0", "0", "0", "0", "0"]
    assert lines[-2:] == ["models 1: crash: gone", "disks 0: skipped: no root"]
