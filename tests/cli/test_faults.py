"""What goes wrong on devices, from the outside: one clear line, the right exit code, nothing left running or behind."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.children import start_with
from tests.conftest import Done

Run = Callable[..., Done]
MEASURING = (("bench",), ("soak", "--frames", "40"), ("report",))
ROOT = Path(__file__).parents[2]
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")  # version 1; version 2 needs a delegated tree


def in_one_line(done: Done, code: int) -> str:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("command", [*MEASURING, ("track",)])
def test_a_model_altered_by_one_byte(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[len(data) // 2] ^= 1
    altered, out = tmp_path / "altered.onnx", tmp_path / "out"
    altered.write_bytes(data)
    name, *options = command
    target = ("-o", out) if name in ("track", "report") else ()
    text = in_one_line(cdedge(name, altered, square_folder, *options, *target), 1)
    assert "altered or damaged since export" in text
    assert not out.exists()


_FAIL_AFTER = """
import cdedge_runtime.model.session as features
class Failing:
    def __init__(self, real):
        self.real, self.runs = real, 0
    def __getattr__(self, name):
        return getattr(self.real, name)
    def run_with_iobinding(self, binding):
        self.runs += 1
        if self.runs > 12:
            raise RuntimeError("CUDA error 719")
        self.real.run_with_iobinding(binding)
real_open = features._open_session
features._open_session = lambda *a: Failing(real_open(*a))
"""


@pytest.mark.parametrize("command", [("bench",), ("soak", "--frames", "400")])
def test_a_provider_that_fails_in_the_middle(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch, command: tuple[str, ...]
) -> None:
    start_with(_FAIL_AFTER, tmp_path / "site", monkeypatch)
    text = in_one_line(cdedge(command[0], tiny_model, square_folder, *command[1:], "--threads", 1), 3)
    assert "CPUExecutionProvider failed while running: CUDA error 719" in text
    if command[0] == "soak":
        assert "Last sample: frame" in text


_NO_PROC = """
import pathlib
real = pathlib.Path.read_text
def read(self, *a, **k):
    if str(self).startswith("/proc"):
        raise PermissionError(13, "Permission denied")
    return real(self, *a, **k)
pathlib.Path.read_text = read
pathlib.Path.iterdir = lambda self, real=pathlib.Path.iterdir: (
    (_ for _ in ()).throw(PermissionError(13, "no")) if str(self).startswith("/proc") else real(self)
)
"""


def test_proc_that_cannot_be_read_is_said_not_guessed(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch
) -> None:
    start_with(_NO_PROC, tmp_path / "site", monkeypatch)
    asked = ("--threads", 1, "--json")
    answer = json.loads(cdedge("bench", tiny_model, square_folder, *asked).stdout)
    measured = {"floor", "source", "peak", "over_floor", "tracker", "pss", "private"}
    assert {answer["memory"][f"{name}_bytes"] for name in measured} == {None}
    assert answer["memory"]["weights_bytes"] > 0
    assert answer["fps"] > 0
    soaked = cdedge("soak", tiny_model, square_folder, "--frames", 40, *asked)
    assert (soaked.returncode, json.loads(soaked.stdout)["verdict"]) == (0, "unclear")
    assert "not readable" in cdedge("bench", tiny_model, square_folder, "--threads", 1).stdout


@pytest.fixture
def memory_group() -> Iterator[Path]:
    group = MEMORY_GROUPS / f"cdedge-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("16000000")  # of libraries only what no one else maps is counted
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    group.rmdir()


def test_the_kernels_memory_limit_is_reported_as_such(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch, memory_group: Path
) -> None:
    start_with(f"open({str(memory_group / 'cgroup.procs')!r}, 'w').write('0')", tmp_path / "site", monkeypatch)
    text = in_one_line(cdedge("bench", tiny_model, square_folder), 3)
    assert "SIGKILL (the kernel does so when memory runs out)" in text
    assert "predicted need" in text


@pytest.mark.skipif(sys.platform != "linux", reason="oom_score_adj is Linux")
def test_the_kernel_ends_the_measuring_process_before_the_one_that_reports(tmp_path: Path, monkeypatch) -> None:
    from cdedge_runtime.measure import child

    start_with("import sys; sys.stdin.read()", tmp_path / "site", monkeypatch)
    with child.Child("cdedge_runtime.measure.probe:answer") as asked:
        score = Path(f"/proc/{asked.process.pid}/oom_score_adj").read_text()
    assert int(score) == 1000


def limited(bytes_: int, *words: object) -> Done:
    """A command in so much address space."""
    limit = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, ({bytes_},) * 2); "
    run = f"sys.argv = ['cdedge', *{list(map(str, words))!r}]; runpy.run_module('cdedge', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", limit + run], capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS binds on Linux only")
@pytest.mark.parametrize("mebibytes", [80, 110, 300, 575])
def test_address_space_too_small_for_the_libraries(tiny_model: Path, mebibytes: int) -> None:
    """OpenBLAS would end the process, with an exit code of its own."""
    text = in_one_line(limited(mebibytes << 20, "bench", tiny_model), 3)
    assert f"may use {mebibytes} MiB of address space" in text


_OPENCV_RUNS_OUT = """
import cdedge_runtime.sources.frames as frames
import cv2
def fail(*a):
    raise cv2.error("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 844902 bytes")
frames.demo_source = fail
"""


@pytest.mark.parametrize("command", ["track", "bench"])
def test_memory_that_runs_out_in_a_library_is_told_in_a_line(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    start_with(_OPENCV_RUNS_OUT, tmp_path / "site", monkeypatch)
    done = subprocess.run(
        [sys.executable, "-m", "cdedge", command, str(tiny_model)], capture_output=True, text=True, check=False
    )
    assert "memory" in in_one_line(Done(done.returncode, done.stdout, done.stderr), 3)


def test_an_onnxruntime_that_does_not_load_is_not_said_to_be_missing(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "site" / "onnxruntime" / "__init__.py").write_text("raise ImportError('x.so: failed to map segment')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)]))
    done = subprocess.run(
        [sys.executable, "-m", "cdedge", "track", str(tiny_model)], capture_output=True, text=True, check=False
    )
    text = in_one_line(Done(done.returncode, done.stdout, done.stderr), 3)
    assert "onnxruntime cannot be loaded: x.so: failed to map segment" in text


@pytest.mark.parametrize("command", MEASURING)
def test_ctrl_c_leaves_no_process_no_file_and_no_traceback(
    tiny_model: Path, square_folder: Path, tmp_path: Path, monkeypatch, command: tuple[str, ...]
) -> None:
    told, out = tmp_path / "pid", tmp_path / "out"
    start_with(
        f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)",
        tmp_path / "site",
        monkeypatch,
    )
    script = "import sys; sys.argv[0] = 'cdedge'; from cdedge.__main__ import main; main()"  # no -m: it is no child
    target = ("-o", str(out)) if command[0] == "report" else ()
    words = [command[0], str(tiny_model), str(square_folder), *command[1:], *target]
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        child = _told(told, parent)
        parent.send_signal(signal.SIGINT)
        stdout, stderr = parent.communicate(timeout=30)
    assert (parent.returncode, stdout) == (130, "")
    assert stderr.strip().splitlines()[-1] == "cdedge: stopped"
    assert "Traceback" not in stderr
    assert not Path(f"/proc/{child}").exists()
    assert not out.exists()


def _told(file: Path, parent: subprocess.Popen[str]) -> int:
    for _ in range(600):
        if file.exists() and file.read_text():
            return int(file.read_text())
        if parent.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError("the measuring process never started")


def test_figures_come_from_a_clock_that_cannot_jump() -> None:
    clock = time.get_clock_info("perf_counter")
    assert clock.monotonic
    assert not clock.adjustable
    for folder in ("runtime", "cdedge"):
        for path in (ROOT / folder).rglob("*.py"):
            calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)}
            wall = {call for call in calls if call in ("time.time", "time.time_ns") or call.endswith("datetime.now")}
            # The date of a measurement is the wall clock's, and is compared with nothing.
            assert not wall or path.name in ("conditions.py", "manifest.py"), (path, wall)


def test_a_thread_that_cannot_be_started_is_told_in_a_line(
    cdedge: Callable[..., Done], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = cdedge("serve", tiny_model, "--port", 0, "--threads", 1)
    assert done.returncode == 3
    assert "no further thread" in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        SystemError("error return without exception set"),
        SystemError("<function f> returned NULL without setting an exception"),
        Exception("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 844902 bytes"),
    ],
    ids=repr,
)
def test_whatever_is_raised_where_memory_or_threads_ran_out(
    error: Exception, cdedge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(**_: object) -> int:
        raise error

    monkeypatch.setattr("cdedge.__main__._run", run)
    assert len(in_one_line(cdedge("devices"), 3)) > 0


def test_a_fault_of_our_own_is_not_hidden(cdedge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(**_: object) -> int:
        raise KeyError("name")

    monkeypatch.setattr("cdedge.__main__._run", run)
    with pytest.raises(KeyError):
        cdedge("devices")
