"""Checks of the machine: memory, limits, heat, clocks, and the GPU's providers against this onnxruntime."""

from __future__ import annotations

import re

from cdedge.doctor.facts import Facts, Finding, bad, ok, warn
from cdedge_runtime.measure.predict import FLOOR_BYTES
from cdedge_runtime.model.providers import PROVIDERS, release

_LITTLE_BYTES = 250_000_000  # the libraries' 80 MB, a model of 90 MB, and as much for everything else
_LITTLE_ADDRESSES_BYTES = 450_000_000  # with 410 MB onnxruntime does not load, with 512 MB bench runs


def proc(facts: Facts) -> Finding:
    """Memory is measured from /proc."""
    if facts.proc_readable:
        return ok("/proc tells memory")
    return warn(
        "/proc/self/smaps_rollup or status cannot be read (a container?): bench cannot say memory",
        "run the container without hiding /proc (docker: drop --security-opt that masks it), or measure on the host",
    )


def memory(facts: Facts) -> Finding:
    """Enough is free, for the model if one is given."""
    now = facts.conditions
    free = min((b for b in (now.available_bytes, now.cgroup_bytes) if b is not None), default=None)
    if free is None:
        return warn("free memory is not readable", "look at it with 'free' on the host")
    need = facts.model.needed_bytes if facts.model is not None else None
    if need is not None and free < need + FLOOR_BYTES:
        return bad(
            f"{_mb(free)} free, the model needs about {_mb(need + FLOOR_BYTES)} with Python and its libraries",
            "stop other programs, or export with fewer layers or a smaller --input",
        )
    if free < _LITTLE_BYTES:
        return warn(f"only {_mb(free)} of memory free", "stop other programs (a desktop takes most of it)")
    return ok(f"{_mb(free)} of memory free")


def limits(facts: Facts) -> Finding:
    """Affinity and control groups can leave less than the machine has; libraries may start threads for all of it."""
    now, said = facts.conditions, []
    if now.usable_cpus < now.cpus:
        said.append(f"{now.usable_cpus} of {now.cpus} processors usable")
    if now.cgroup_bytes is not None:
        said.append(f"memory limited to {_mb(now.cgroup_bytes)}")
    if now.address_space_bytes is not None:
        said.append(f"address space limited to {_mb(now.address_space_bytes)}")
        if now.address_space_bytes < _LITTLE_ADDRESSES_BYTES:
            return bad("; ".join(said), "ulimit -v unlimited: the libraries map more than they use")
    if now.cgroup_cpus is not None and now.cgroup_cpus < now.usable_cpus:
        said.append(f"processor time limited to {now.cgroup_cpus:g} processors")
        return warn("; ".join(said), f"pass --threads {max(1, int(now.cgroup_cpus))}: more would be stopped in turns")
    return ok("; ".join(said) or f"no limits: {now.cpus} processors, all memory")


def governor(facts: Facts) -> Finding:
    """A governor that saves power keeps clocks low at the short work of one frame."""
    name, now = facts.conditions.governor, facts.conditions
    if name is None:
        return ok("CPU governor: not readable (a virtual machine, or no frequency scaling)")
    if name == "powersave" and "intel" not in (now.cpu or "").lower():
        remedy = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        return warn("the CPU governor is powersave: clocks stay low", "sudo jetson_clocks" if now.l4t else remedy)
    return ok(f"CPU governor: {name}")


def load(facts: Facts) -> Finding:
    """Beside other programs every time is longer, and no two are alike."""
    now = facts.conditions
    if now.load is None:
        return ok("load: not readable")
    if now.busy:
        what = f"other programs run: load {now.load:g} on {now.usable_cpus} processors; times measured now do not count"
        return warn(what, "stop them, wait a minute, then measure ('top' says which)")
    return ok(f"load {now.load:g} on {now.usable_cpus} processors")


def heat(facts: Facts) -> Finding:
    """Throttling makes every figure depend on how warm the board is."""
    now = facts.conditions
    shown = "not readable" if now.temperature_c is None else f"{now.temperature_c:.0f} degrees C"
    if now.throttling:
        remedy = "cool it (a fan, a heat sink, a better power supply) or choose a lower power mode, then measure again"
        return warn(f"throttling at {shown}: {'; '.join(now.throttling)}", remedy)
    return ok(f"temperature {shown}, throttling {'not told' if now.throttling is None else 'no'}")


def jetson(facts: Facts) -> Finding:
    """Which board, L4T and power mode."""
    now = facts.conditions
    if now.l4t is None:
        return ok(f"board: {now.board or now.cpu or now.machine}; not a Jetson")
    name = f"{now.board or 'Jetson'}, L4T {now.l4t}"
    if now.power_mode is None:
        return warn(f"{name}, power mode not readable", "sudo nvpmodel -q says it; in a container, read it on the host")
    return ok(f"{name}, power mode {now.power_mode}")


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


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
