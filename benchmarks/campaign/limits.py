"""Disks that fill up, and few threads, processes and little memory: one line says so, and what was there stays."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .commands import run
from .kills import BOX, parts_in

Rng = np.random.Generator
Verdict = tuple[str, str]
_PIDS = Path("/sys/fs/cgroup/pids")
_OLD = b"what was there before"


@contextmanager
def small_disk(place: Path, size_bytes: int) -> Iterator[bool]:
    """A file system of so many bytes; whether it could be mounted."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},nr_inodes=200", "tmpfs", place]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", place], check=True)


def fill_disk(inputs: Path, references: Path, rng: Rng, folder: Path) -> Verdict:
    """A command whose disk, or temporary folder, has room for a random part of what it writes."""
    model, clip, data = inputs / "models" / "deepcd.onnx", inputs / "clip.avi", inputs / "data"
    place, size = folder / "disk", int(4096 * rng.integers(2, 60))
    outputs: dict[str, list[object]] = {
        "b.txt": ["track", model, clip, *BOX, "-o", place / "b.txt"],
        "b.jsonl": ["track", model, clip, *BOX, "--jsonl", place / "b.jsonl"],
        "v.avi": ["track", model, clip, *BOX, "--video", place / "v.avi"],
        "m.onnx": ["export", data / "A", "--tracker", "cacf", "-o", place / "m.onnx"],
        "r": ["evaluate", "--root", data, "--model", model, "-o", place / "r"],
        "p.html": ["report", model, clip, *BOX, "-o", place / "p.html"],
    }
    name = list(outputs)[rng.integers(len(outputs))]
    with small_disk(place, size) as mounted:
        if not mounted:
            return "skipped", "file systems cannot be mounted here"
        if name not in ("r", "b.jsonl"):
            (place / name).write_bytes(_OLD)
        taken = int(rng.integers(0, 2)) * (size - 4096)
        (place / "ballast").write_bytes(b"\0" * taken)
        ran = run(*outputs[name])
        said = f"{name} on a disk of {size} bytes, {taken} taken, exit code {ran.code}"
        fault = ran.fault((0, 3))
        if fault is not None:
            return fault[0], f"{said}: {fault[1]}"
        left = parts_in(place)
        if left:
            return "destroyed", f"{said}: left behind {left}"
        if ran.code and name not in ("r", "b.jsonl", "b.txt") and (place / name).read_bytes() != _OLD:
            return "destroyed", f"{said}: the old file is gone"
        if not ran.code and name in ("b.txt", "m.onnx") and (place / name).read_bytes() != _reference(references, name):
            return "wrong in silence", f"{said}: another file than with room"
    return "clean", said


def _reference(references: Path, name: str) -> bytes:
    return (references / ("reference-track" if name == "b.txt" else "reference-export") / name).read_bytes()


def starve(inputs: Path, rng: Rng, folder: Path) -> Verdict:
    """A command under a limit of threads and processes, or of address space."""
    model, clip = inputs / "models" / "deepcd.onnx", inputs / "clip.avi"
    commands: dict[str, list[object]] = {
        "track": ["track", model, clip, *BOX[:2]],
        "track --threads 6": ["track", model, clip, *BOX[:2], "--threads", 6],
        "inspect": ["inspect", model],
        "bench": ["bench", model, clip, *BOX[:2], "--frames", 5],
        "serve": ["serve", model, clip, *BOX[:2], "--port", 0],
        "evaluate": ["evaluate", "--root", inputs / "data", "--model", model, "-o", folder / "r", "--jobs", 2],
    }
    name = list(commands)[rng.integers(len(commands))]
    kill = (6.0, 15) if name == "serve" else None
    if rng.random() < 0.5:
        bytes_ = int(rng.integers(100, 1500)) << 20

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))

        said = f"{name} in {bytes_ >> 20} MiB of address space"
        ran = run(*commands[name], before=limit, kill=kill, environment={"OPENBLAS_NUM_THREADS": "1"})
    else:
        count = int(rng.integers(1, 12))
        group = _PIDS / f"cdedge-{os.getpid()}"
        try:
            group.mkdir()
            (group / "pids.max").write_text(str(count))
        except OSError:
            return "skipped", "no pids cgroup can be made here"

        def join() -> None:
            (group / "cgroup.procs").write_text("0")

        said = f"{name} with at most {count} threads"
        try:
            ran = run(*commands[name], before=join, kill=kill)
        finally:
            group.rmdir()
    fault = ran.fault((0, 3, 130) if name == "serve" else (0, 3))
    return (fault[0], f"{said}: {fault[1]}") if fault else ("clean", f"{said}: exit code {ran.code}")
