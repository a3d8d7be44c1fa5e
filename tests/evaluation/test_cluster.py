"""A real Dask scheduler with two worker processes, one of which is killed in the middle."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from cdedge.evaluation.cluster import dask_hand
from cdedge.evaluation.runner import local_hand, run
from tests.evaluation.running import configure, make_squares

distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

NAMES = "ABCDEF"
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.fixture
def cluster(tmp_path):
    """The scheduler's address and two worker processes."""
    address_file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*dask, "worker", "--no-dashboard", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
    worker += ["--scheduler-file", str(address_file), "--local-directory", str(tmp_path)]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", str(address_file)], cwd=tmp_path, **_QUIET)]
    try:
        wait_for(address_file.exists)
        started += [subprocess.Popen(worker, cwd=tmp_path, **_QUIET) for _ in range(2)]
        with distributed.Client(scheduler_file=str(address_file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def wait_for(ready):
    deadline = time.monotonic() + 60
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail("the scheduler did not start within a minute")
        time.sleep(0.05)


def test_a_killed_worker_loses_nothing_and_the_boxes_are_those_of_a_local_run(cluster, tmp_path):

    address, workers = cluster
    squares = make_squares(tmp_path / "data", NAMES)
    chosen = configure(squares.root)
    seen = []

    def killing(todo):
        for answer in dask_hand(address)(todo):
            if not seen:
                workers[0].kill()
            seen.append(answer[0].name)
            yield answer

    there = run(squares, chosen, tmp_path / "there", hand=killing, cluster=address)
    here = run(squares, chosen, tmp_path / "here", hand=local_hand(2))
    assert workers[0].wait(timeout=10) == -9
    assert (sorted(seen), there.failures, here.failures) == (list(NAMES), {}, {})
    for name in NAMES:
        remote, local = (np.loadtxt(tmp_path / w / f"{name}.txt", delimiter=",") for w in ("there", "here"))
        np.testing.assert_array_equal(remote, local)
        assert len(local) == 6


def test_no_scheduler_is_an_environment_error(tmp_path, cdedge, monkeypatch):
    monkeypatch.setattr("cdedge.evaluation.cluster._CONNECT_S", 1)
    make_squares(tmp_path / "data", "A", frames=2)
    options = ("--tracker", "opencv:MOSSE", "--dask", "tcp://127.0.0.1:9", "-o", tmp_path / "out")
    done = cdedge("evaluate", "--root", tmp_path / "data", *options)
    assert done.returncode == 3
    assert "no Dask scheduler answers" in done.stderr
