"""Checks of the machine: memory, limits, heat, clocks."""

from __future__ import annotations

from cdedge_runtime.measure.conditions import BUSY_SHARE
from cdedge_runtime.measure.predict import FLOOR_BYTES

from .facts import Facts
from .finding import Finding, bad, ok, warn

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
    if now.load > now.usable_cpus * BUSY_SHARE:
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
