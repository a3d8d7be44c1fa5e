"""A measuring process that dies is reported as such, with what is known."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdedge_runtime.blas import limit_blas
from cdedge_runtime.errors import BadEnvironment, BadModel, CdedgeError, Usage
from cdedge_runtime.measure import child
from cdedge_runtime.measure.probe import Request, measure
from tests.children import start_with


def request(model: Path, source: Path) -> Request:
    return Request(str(model), str(source), None, 5, "cpu", 1)


def test_a_killed_child_is_reported_with_need_and_memory(
    tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with("import os; os.kill(os.getpid(), 9)", tmp_path / "site", monkeypatch)
    with pytest.raises(
        BadEnvironment,
        match=r"SIGKILL.*memory runs out.*predicted need 1\d\.\d MB and frames, beside 80\.0 MB.*free .* MB",
    ):
        measure(request(tiny_model, square_folder))


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS binds on Linux only")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 calls starved memory a ValueError of its compiler")
def test_a_memory_limit_is_reported_as_such(
    tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with(
        "import numpy, cv2, onnxruntime, resource; resource.setrlimit(resource.RLIMIT_AS, (1, 1))",
        tmp_path / "site",
        monkeypatch,
    )
    with pytest.raises(BadEnvironment, match=r"memory|killed"):
        measure(request(tiny_model, square_folder))


def test_what_the_child_met_is_raised(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(CdedgeError, match="no such file"):
        measure(request(tiny_model, tmp_path / "none"))


@pytest.mark.parametrize(
    ("returncode", "stderr", "kind", "text"),
    [
        (-4, "", BadEnvironment, "illegal instruction"),
        (-11, "", BadEnvironment, "SIGSEGV"),
        (1, "Traceback\nnumpy._core._exceptions._ArrayMemoryError: MemoryError", BadEnvironment, "out of memory"),
        (1, "onnxruntime: std::bad_alloc", BadEnvironment, "out of memory"),
        (77, "", CdedgeError, "77"),
    ],
)
def test_ends_are_told_apart(returncode: int, stderr: str, kind: type[CdedgeError], text: str) -> None:
    error = child.failure(child.Died(returncode, stderr, None), Path("none.onnx"))
    assert type(error) is kind
    assert text in str(error)


def test_a_model_that_cannot_be_read_does_not_hide_the_death() -> None:
    assert "need cannot be read" in child.memory_known(Path("none.onnx"))
    assert not isinstance(child.failure(child.Died(-9, "", None), Path("none.onnx")), BadModel)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, {"OPENBLAS_NUM_THREADS": "1"}),
        ({"OPENBLAS_NUM_THREADS": "4"}, {"OPENBLAS_NUM_THREADS": "4"}),
        ({"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "3"}),
    ],
)
def test_the_users_own_number_of_blas_threads_stays(given: dict[str, str], left: dict[str, str]) -> None:
    limit_blas(given)
    assert given == left


def test_waiting_ticks_and_leaves_no_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    start_with("import time; time.sleep(30)", tmp_path / "site", monkeypatch)
    ticks: list[int] = []

    def stop() -> None:
        ticks.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.ask("cdedge_runtime.measure.probe:answer", {}, tmp_path / "m.onnx", stop)
    assert ticks == [1]


def test_the_entry_point_limits_blas_before_numpy_is_imported() -> None:
    code = "import sys, cdedge.__main__, cdedge_runtime.measure.conditions; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def echoed(request: Any, see: Callable[[Any], None]) -> Any:
    """A child's work: see each of the request's words, wait as long as it says, answer with their number."""
    for word in request.get("words", []):
        see(word)
    time.sleep(request.get("wait_s", 0))
    if "refused" in request:
        raise Usage(request["refused"], field="words")
    return len(request.get("words", []))


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[child.Child]:
    """A child whose work is `echoed`."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]))
    with child.Child("tests.runtime.test_child:echoed") as process:
        yield process


def test_requests_are_answered_one_by_one_with_what_is_seen_before(answering: child.Child) -> None:
    seen: list[str] = []
    assert answering.ask({"words": ["a", "b\n"]}, see=seen.append) == 2
    assert answering.ask({}) == 0
    assert seen == ["a", "b\n"]


def test_an_error_arrives_as_itself_and_the_child_goes_on(answering: child.Child) -> None:
    with pytest.raises(Usage, match=r"^no such word$") as met:
        answering.ask({"refused": "no such word"})
    assert met.value.field == "words"
    assert answering.ask({}) == 0


@pytest.mark.parametrize(("bound", "why"), [("limit_s", "longer than"), ("silence_s", "no sign of life")])
def test_a_child_that_hangs_is_ended_and_told(answering: child.Child, bound: str, why: str) -> None:
    with pytest.raises(child.Died) as death:
        answering.ask({"wait_s": 60}, **{bound: 0.5})
    assert why in str(death.value.ended)
    assert answering.is_dead
    assert why in str(child.failure(death.value, Path("none.onnx")))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whether the process is there")
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = "import pathlib, sys, time; from cdedge_runtime.measure.child import Child; "
    code += "c = Child('time:sleep'); pathlib.Path(sys.argv[1]).write_text(str(c.process.pid)); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(told)]) as parent:
        until(lambda: told.exists() and told.read_text() != "")
        parent.kill()
    until(lambda: not Path(f"/proc/{told.read_text()}").exists())


def until(true: Callable[[], bool]) -> None:
    """Wait for it, half a minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never came true")


def test_a_beat_says_once_a_second_how_far_the_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, seen = [0.0], list[int]()
    monkeypatch.setattr(child.time, "monotonic", lambda: now_s[0])
    going_on = child.beat(seen.append)
    for reached, now_s[0] in enumerate((0.5, 1.5, 2.0, 2.6), 1):
        going_on(reached)
    assert seen == [2, 4]
