"""What limits leave of a machine to this process: the kernel's control groups (containers, services) and ulimit."""

from __future__ import annotations

from pathlib import Path

from cdedge_runtime.board import read_text

_NO_LIMIT_BYTES = 2**62  # version 1 writes "no limit" as the largest page-aligned number


def cpu_limit(root: Path = Path("/")) -> float | None:
    """Processors' worth of time this process may use; None: no limit, or not readable."""
    limits = [_cpu_v2(folder) for folder in _folders(root, "")] + [_cpu_v1(folder) for folder in _folders(root, "cpu")]
    return min((limit for limit in limits if limit is not None), default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes this process and its group may hold; None: no limit, or not readable."""
    files = [folder / "memory.max" for folder in _folders(root, "")]
    files += [folder / "memory.limit_in_bytes" for folder in _folders(root, "memory")]
    limits = (_whole(read_text(file)) for file in files)
    return min((limit for limit in limits if limit is not None and limit < _NO_LIMIT_BYTES), default=None)


def address_limit() -> int | None:
    """Bytes of address space this process may map (``ulimit -v``); None: no limit, or this system has none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _folders(root: Path, controller: str) -> list[Path]:
    """This process's group and those above it, which bind as well; ``controller`` "" is version 2."""
    lines = (line.split(":", 2) for line in (read_text(root / "proc/self/cgroup") or "").splitlines())
    groups = [fields[2] for fields in lines if len(fields) == 3 and controller in fields[1].split(",")]
    mounts = [root / "sys/fs/cgroup" / controller]
    if not controller:
        mounts.append(root / "sys/fs/cgroup/unified")
    paths = [Path(group.lstrip("/")) for group in groups] or [Path()]
    return [mount / part for mount in mounts for path in paths for part in (path, *path.parents)]


def _cpu_v2(folder: Path) -> float | None:
    words = (read_text(folder / "cpu.max") or "max").split()
    quota, period = _whole(words[0]), _whole(words[-1])
    return quota / period if quota and period else None


def _cpu_v1(folder: Path) -> float | None:
    quota, period = (_whole(read_text(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
