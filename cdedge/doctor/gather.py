"""Gathers the facts. Packages are imported in processes of their own: a broken one kills those, not the doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cdedge_devices import load, names
from cdedge_runtime.measure.conditions import installed, read_conditions
from cdedge_runtime.model.graph import ir_and_opset
from cdedge_runtime.model.providers import PROVIDERS

from .facts import Facts, Imported, KnownBadVersion, ModelFacts, OpenCv

_NUMPY = """
import json, numpy
try:
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
except TypeError:
    blas = {}
print(json.dumps([numpy.__version__, blas.get("version") if "openblas" in blas.get("name", "") else None]))
"""
_OPENCV = """
import cv2, json
csrt = hasattr(cv2, "TrackerCSRT_create") or hasattr(cv2, "TrackerCSRT")
csrt = csrt or hasattr(getattr(cv2, "legacy", None), "TrackerCSRT_create")
print(json.dumps([cv2.__version__, cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), csrt]))
"""
_ONNXRUNTIME = """
import json, onnxruntime
print(json.dumps([onnxruntime.__version__, onnxruntime.get_available_providers(), onnxruntime.__path__[0]]))
"""
_LOAD_MODEL = """
import json, sys
from pathlib import Path
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.model.session import read_spec
try:
    spec = read_spec(Path(sys.argv[1]))
    print(json.dumps([spec.weight_bytes + spec.activation_bytes, None]))
except CdedgeError as error:
    print(json.dumps([None, str(error)]))
"""
# Wheels of CUDA lie where only preload_dlls finds them.
_DLOPEN = """
import ctypes, json, sys
import onnxruntime
if hasattr(onnxruntime, "preload_dlls"):
    onnxruntime.preload_dlls()
failed = []
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        failed.append(name)
print(json.dumps(failed))
"""
_TIMEOUT_S = 120
_FOR_EXPORT = ("torch", "torchvision", "onnx", "scipy", "safetensors")  # the extra export, as in pyproject.toml


def gather(model: Path | None) -> Facts:
    """All facts of this machine, and of ``model`` if one is given."""
    numpy, blas = _import(_NUMPY)
    opencv, build = _import(_OPENCV)
    onnxruntime, runtime = _import(_ONNXRUNTIME)
    providers = tuple(runtime[0]) if runtime else ()
    return Facts(
        conditions=read_conditions(),
        python=sys.version_info[:2],
        numpy=numpy,
        opencv=opencv,
        onnxruntime=onnxruntime,
        opencv_build=OpenCv(*build) if build else None,
        openblas=blas[0] if blas else None,
        openblas_coretype=os.environ.get("OPENBLAS_CORETYPE"),
        telemetry_off=os.environ.get("ORT_DISABLE_TELEMETRY") == "1",
        providers=providers,
        missing_libraries=_missing_libraries(providers, Path(runtime[1])) if runtime else {},
        proc_readable=all(_readable(Path("/proc/self") / name) for name in ("status", "smaps_rollup")),
        model=None if model is None else _model(model),
        known_bad=_known_bad(),
        for_export={name: installed((name,)).get(name) for name in _FOR_EXPORT},
    )


def _import(script: str) -> tuple[Imported, list[Any]]:
    """How an import went, and what else the script printed after the version."""
    done = _python(script)
    if done.returncode == 0:
        version, *rest = json.loads(done.stdout.splitlines()[-1])
        return Imported(version), rest
    lines = done.stderr.strip().splitlines()
    signal = -done.returncode if done.returncode < 0 else None
    return Imported(None, lines[-1] if lines else f"killed by signal {signal}", signal), []


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)


def _missing_libraries(providers: tuple[str, ...], package: Path) -> dict[str, tuple[str, ...]]:
    found = {}
    for name in ("cuda", "tensorrt"):
        library = package / "capi" / f"libonnxruntime_providers_{name}.so"
        if PROVIDERS[name] in providers and library.exists():
            found[PROVIDERS[name]] = _not_loading(_unresolved(library))
    return found


def _unresolved(library: Path) -> tuple[str, ...]:
    """The libraries that the dynamic linker does not find for this one."""
    try:
        done = subprocess.run(["ldd", str(library)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except OSError:  # no ldd (musl, a stripped image): the provider itself will tell
        return ()
    return missing_in_ldd(done.stdout)


def missing_in_ldd(text: str) -> tuple[str, ...]:
    """Names that ``ldd`` answered "not found" to."""
    return tuple(dict.fromkeys(line.split()[0] for line in text.splitlines() if line.strip().endswith("=> not found")))


def _not_loading(libraries: tuple[str, ...]) -> tuple[str, ...]:
    if not libraries:
        return ()
    done = _python(_DLOPEN, *libraries)
    return tuple(json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else libraries


def _model(path: Path) -> ModelFacts:
    ir, opset = ir_and_opset(path)
    done = _python(_LOAD_MODEL, str(path))
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"loading it ended with {done.returncode}"]
        return ModelFacts(str(path), ir, opset, None, lines[-1])
    needed, error = json.loads(done.stdout.splitlines()[-1])
    return ModelFacts(str(path), ir, opset, needed, error)


def _known_bad() -> tuple[KnownBadVersion, ...]:
    profiles = [load(name) for name in names()]
    return tuple(KnownBadVersion(p.id, b.package, b.version, b.reason) for p in profiles for b in p.known_bad)


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
