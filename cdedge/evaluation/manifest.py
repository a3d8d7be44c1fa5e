"""``manifest.json`` beside the results: what made them, where and when; one run at a time writes it."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import distributions
from pathlib import Path
from statistics import mean

from cdedge.evaluation.configuration import Configuration, differences
from cdedge_runtime.errors import BadEnvironment, BadInput, Usage
from cdedge_runtime.files import clear_parts, file_sha256, made_folder, write_whole
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.record import decode, encode, from_json

_FOLDER = "models"


def model_path(folder: Path, sequence: str) -> Path:
    """Where the model of a sequence is kept."""
    return folder / _FOLDER / f"{sequence}.onnx"


def model_paths(folder: Path) -> list[Path]:
    """The models that a results folder holds, by name."""
    return sorted((folder / _FOLDER).glob("[!.]*.onnx"))


def mean_channels(folder: Path) -> float | None:
    """Mean number of channels that filters work on, over the models of a results folder; None where it has none."""
    counts = [read_spec(path).filter_channels for path in model_paths(folder)]
    return mean(counts) if counts else None


_HOLDING = ("models", "runs", "times", "scores")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises `Usage` naming the process that has it.

    What is made for it goes again: the lock, and a new folder that nothing was written to. The kernel gives the lock of
    a dead process back, so what a killed run left behind locks nothing; its half-written files are cleared.
    """
    path = folder / ".lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(made_folder(folder))
            descriptor = _lock(path)
        except OSError as error:
            raise BadEnvironment(f"{folder}: cannot be used as a results folder: {error.strerror}") from error
        try:
            for place in (folder, *(folder / name for name in _HOLDING)):
                clear_parts(place)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            yield
        finally:
            with suppress(OSError):  # its folder is gone
                path.unlink()
            os.close(descriptor)


def _lock(path: Path) -> int:
    """An empty lock file that only we hold; raises `Usage` where another process does, or `OSError`."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise Usage(f"{path.parent}: {holder} is writing here; wait for it, or choose another -o") from error
        os.ftruncate(descriptor, 0)
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
        os.close(descriptor)  # whoever held it has removed it meanwhile


_PACKAGES = (
    "cdedge", "numpy", "onnxruntime", "opencv-contrib-python-headless", "opencv-contrib-python",
    "opencv-python-headless", "opencv-python", "torch", "onnx", "distributed",
)  # fmt: skip
_CPUINFO = Path("/proc/cpuinfo")
SCHEMA = 1


@dataclass(frozen=True)
class Machine:
    """The machine that started the run."""

    host: str
    system: str
    processor: str
    processors_usable: int


@dataclass(frozen=True)
class Run:
    """One start of ``cdedge evaluate`` on this folder; ``finished`` is None where it was stopped."""

    started: str
    finished: str | None
    jobs: int
    cluster: str | None
    machine: Machine
    versions: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """What made the results.

    files: SHA-256 of the files they depend on, by path. weights_sha256: of the weights that the finished
    run's models were made from, by the models' own word; None for other trackers.
    """

    schema: int
    configuration: Configuration
    files: dict[str, str]
    weights_sha256: str | None
    runs: tuple[Run, ...]


def open_manifest(folder: Path, configuration: Configuration, *, jobs: int, cluster: str | None) -> Manifest:
    """Begin a run: write the manifest, or add to the one there, if it has results.

    Raises `Usage` where the folder holds results of another configuration, or of files that changed since.
    """
    hashes = {path: file_sha256(Path(path)) for path in configuration.tracker.files}
    runs: tuple[Run, ...] = ()
    weights = None
    if manifest_path(folder).exists() and _has_results(folder):
        old = read_manifest(folder)
        _refuse_others(folder, old, configuration, hashes)
        runs, weights = old.runs, old.weights_sha256
    elif _has_results(folder):
        raise Usage(f"{folder}: holds text files but no manifest.json, so they are not ours; choose another -o")
    started = Run(_now(), None, jobs, cluster, _machine(), _versions())
    return _written(folder, Manifest(SCHEMA, configuration, hashes, weights, (*runs, started)))


def close_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """End the last run."""
    last = replace(manifest.runs[-1], finished=_now())
    weights = _weights_sha256(folder, manifest.configuration.tracker.model)
    return _written(folder, replace(manifest, weights_sha256=weights, runs=(*manifest.runs[:-1], last)))


def read_manifest(folder: Path) -> Manifest:
    """Read a results folder's manifest; raises `BadInput`."""
    path = manifest_path(folder)
    try:
        manifest = decode(Manifest, from_json(path.read_text()))
    except FileNotFoundError as error:
        raise BadInput(f"{folder}: no manifest.json, expected a folder made by 'cdedge evaluate'") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a manifest of this version of cdedge: {error}") from error
    if not manifest.runs:
        raise BadInput(f"{path}: names no run, expected one for each start of 'cdedge evaluate'")
    return manifest


def manifest_path(folder: Path) -> Path:
    """Where the manifest is."""
    return folder / "manifest.json"


def _has_results(folder: Path) -> bool:
    return any(folder.glob("[!.]*.txt")) or (folder / "failures.json").exists()


def _refuse_others(folder: Path, old: Manifest, new: Configuration, hashes: dict[str, str]) -> None:
    found = differences(old.configuration, new)
    found += [f"{path}: its content changed since" for path in hashes if hashes[path] != old.files.get(path)]
    if found:
        raise Usage(f"{folder}: holds results of another configuration ({'; '.join(found)}); choose another -o")


def _written(folder: Path, manifest: Manifest) -> Manifest:
    write_whole(manifest_path(folder), (json.dumps(encode(manifest), indent=1) + "\n").encode())
    return manifest


def _weights_sha256(folder: Path, model: str | None) -> str | None:
    models = [Path(model)] if model is not None else model_paths(folder)
    return read_spec(models[0]).weights.sha256 if models else None


def _machine() -> Machine:
    return Machine(
        socket.gethostname(), platform.platform(), _processor(), len(os.sched_getaffinity(0)),
    )  # fmt: skip


def _processor() -> str:
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


def _versions() -> dict[str, str]:
    found = {dist.name.lower(): dist.version for dist in distributions()}
    return {"python": platform.python_version(), **{p: found[p] for p in _PACKAGES if p in found}}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
