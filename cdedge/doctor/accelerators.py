"""Checks of the GPU's providers and of a model against this onnxruntime."""

from __future__ import annotations

import re

from cdedge_runtime.model.providers import PROVIDERS, release

from .facts import Facts
from .finding import Finding, bad, ok, warn

# The first onnxruntime that loads an IR version (field tests: 1.14 stops at 8, 1.17 at 9, 1.20 at 10), and an opset.
_FIRST_FOR_IR = {8: (1, 10), 9: (1, 15), 10: (1, 18), 11: (1, 21)}
_FIRST_FOR_OPSET = {17: (1, 12), 18: (1, 14), 19: (1, 15), 20: (1, 17), 21: (1, 18)}


def cuda(facts: Facts) -> Finding:
    """The CUDA provider's libraries load."""
    return _provider(facts, "cuda")


def tensorrt(facts: Facts) -> Finding:
    """The TensorRT provider's libraries load."""
    return _provider(facts, "tensorrt")


def model(facts: Facts) -> Finding:
    """The model loads here; if not, whether onnxruntime is too old for it."""
    given, version = facts.model, facts.onnxruntime.version
    if given is None:
        return ok("no model given")
    if given.error is None:
        return ok(f"{given.path}: loads (IR {given.ir_version}, opset {given.opset})")
    needed = max(_first(_FIRST_FOR_IR, given.ir_version), _first(_FIRST_FOR_OPSET, given.opset))
    if version is not None and release(version) < needed:
        return bad(
            f"{given.path}: IR {given.ir_version}, opset {given.opset}; onnxruntime {version} is too old for it",
            f"pip install 'onnxruntime>={needed[0]}.{needed[1]}', or export it again: cdedge writes IR 8, opset 17",
        )
    return bad(given.error, "make it again with 'cdedge export', or copy it again")


def _first(table: dict[int, tuple[int, int]], number: int | None) -> tuple[int, int]:
    if number is None or number < min(table):
        return (0, 0)
    return table[min(number, max(table))]


def _provider(facts: Facts, name: str) -> Finding:
    if PROVIDERS[name] not in facts.providers:
        return ok(f"{name}: not in this onnxruntime")
    missing = facts.missing_libraries.get(PROVIDERS[name], ())
    if not missing:
        return ok(f"{name}: libraries load")
    what = f"{name} is listed, but {', '.join(missing)} cannot be loaded: '--provider {name}' would stop with an error"
    return warn(what, _remedy(missing, jetson=facts.conditions.l4t is not None))


def _remedy(missing: tuple[str, ...], *, jetson: bool) -> str:
    steps = []
    if any(name.startswith("libcuda.so") for name in missing):
        flag = "--runtime nvidia" if jetson else "--gpus all (NVIDIA container toolkit)"
        steps.append(f"install NVIDIA's driver; in a container start it with {flag}")
    majors = _majors(missing)
    if jetson:
        steps.append("sudo apt install nvidia-jetpack; in a container use an l4t-jetpack image of this L4T")
    elif "CUDA" in majors or "cuDNN" in majors:
        wanted = " and ".join(f"{name} {majors[name]}" for name in ("CUDA", "cuDNN") if name in majors)
        steps.append(f"pip install 'onnxruntime-gpu[cuda,cudnn]' (1.21 or newer), or install {wanted} system-wide")
    if "TensorRT" in majors and not jetson:
        wheel = f"tensorrt-cu{majors['CUDA']}" if "CUDA" in majors else "tensorrt"
        steps.append(
            f"pip install '{wheel}=={majors['TensorRT']}.*' and add its folder tensorrt_libs in site-packages to "
            "LD_LIBRARY_PATH before starting"
        )
    return "; then ".join(steps) or "install what this onnxruntime was built for (its release notes name the versions)"


def _majors(missing: tuple[str, ...]) -> dict[str, str]:
    """Major versions of CUDA, cuDNN and TensorRT, as the names of the missing libraries tell them."""
    names = {
        "libcublas": "CUDA",
        "libcublasLt": "CUDA",
        "libcudart": "CUDA",
        "libcudnn": "cuDNN",
        "libnvinfer": "TensorRT",
    }
    found = (re.fullmatch(r"(\w+)\.so\.(\d+)", name) for name in missing)
    return {names[each[1]]: each[2] for each in found if each is not None and each[1] in names}
