"""A measuring process that dies is reported as such, with what is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
        (2, "give --box", Usage, "give --box"),
        (3, "no CUDA", BadEnvironment, "no CUDA"),
        (77, "", CdedgeError, "77"),
    ],
)
def test_ends_are_told_apart(returncode: int, stderr: str, kind: type[CdedgeError], text: str) -> None:
    error = child.failure(returncode, stderr, Path("none.onnx"))
    assert type(error) is kind
    assert text in str(error)


def test_a_model_that_cannot_be_read_does_not_hide_the_death() -> None:
    assert "need cannot be read" in child.memory_known(Path("none.onnx"))
    assert not isinstance(child.failure(-9, "", Path("none.onnx")), BadModel)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, {"OPENBLAS_NUM_THREADS": "1"}),
        ({"OPENBLAS_NUM_THREADS": "4"}, {"OPENBLAS_NUM_THREADS": "4"}),
        ({"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "3"}),
    ],
)
def test_the_users_own_number_of_blas_threads_stays(given: dict[str, str], left: dict[str, str]) -> None:
    child.limit_blas(given)
    assert given == left


def test_waiting_ticks_and_leaves_no_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    start_with("import time; time.sleep(30)", tmp_path / "site", monkeypatch)
    ticks: list[int] = []

    def stop() -> None:
        ticks.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.ask("cdedge_runtime.measure.probe", {}, tmp_path / "m.onnx", stop)
    assert ticks == [1]


def test_the_entry_point_limits_blas_before_numpy_is_imported() -> None:
    code = "import sys, cdedge.__main__, cdedge_runtime.measure.conditions; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
