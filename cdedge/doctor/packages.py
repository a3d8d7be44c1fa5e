"""Checks of what is installed: Python, numpy, onnxruntime, OpenCV."""

from __future__ import annotations

from cdedge.doctor.facts import Finding, bad, ok, warn
from cdedge_runtime.errors import install_words
from cdedge_runtime.model.providers import kleidiai_leaks, release

from .facts import Facts, Imported

_SIGILL = 4
# Newest onnxruntime that PyPI has a wheel of for an older Python (its index, read 2026-11-22).
_LAST_FOR_PYTHON = {(3, 8): "1.19.2", (3, 9): "1.19.2", (3, 10): "1.23.2"}
_FIRST_FOR_NUMPY_2 = (1, 19)
_OLDEST = (1, 16)
_FIRST_WITH_TELEMETRY = (1, 29)
_OPENBLAS_TRAP = (0, 3, 13)


def python(facts: Facts) -> Finding:
    """Python is new enough, and has current onnxruntime wheels."""
    version = ".".join(map(str, facts.python))
    if facts.python < (3, 10):
        return bad(f"Python {version} is older than 3.10", "install Python 3.10 or newer beside the system's")
    last = _LAST_FOR_PYTHON.get(facts.python)
    if last is not None:
        return ok(f"Python {version}; onnxruntime {last} is the last release with a wheel for it")
    return ok(f"Python {version}")


def numpy(facts: Facts) -> Finding:
    """Numpy imports; an old OpenBLAS misjudges some Arm cores and dies of an illegal instruction."""
    found = facts.numpy
    if found.signal == _SIGILL and facts.conditions.machine == "aarch64":
        return bad("numpy dies of an illegal instruction", "export OPENBLAS_CORETYPE=ARMV8 (numpy issue 18131)")
    if found.error is not None:
        return bad(f"numpy does not import: {found.error}", "pip install --force-reinstall numpy")
    old = facts.openblas is not None and _numbers(facts.openblas) <= _OPENBLAS_TRAP
    if old and facts.conditions.l4t is not None and facts.openblas_coretype is None:
        return warn(
            f"numpy brings OpenBLAS {facts.openblas}, which on some Jetsons dies of an illegal instruction",
            "export OPENBLAS_CORETYPE=ARMV8, or install a newer numpy",
        )
    return ok(f"numpy {found.version}")


def onnxruntime(facts: Facts) -> Finding:
    """Onnxruntime imports, is new enough, and fits numpy."""
    found = facts.onnxruntime
    if found.signal == _SIGILL:
        return bad("onnxruntime dies of an illegal instruction", "pip install --upgrade 'onnxruntime!=1.21.0'")
    if found.version is not None and release(found.version) < _OLDEST:
        return bad(f"onnxruntime {found.version} is older than 1.16", "pip install --upgrade onnxruntime")
    if found.version is None or found.error is not None:
        return _broken_onnxruntime(facts)
    return ok(f"onnxruntime {found.version}: {', '.join(facts.providers)}")


def _broken_onnxruntime(facts: Facts) -> Finding:
    installed = facts.conditions.versions
    version = installed.get("onnxruntime-gpu") or installed.get("onnxruntime")
    if version is None:
        return bad("onnxruntime is not installed", install_words("cpu"))
    if release(facts.numpy.version or "") >= (2, 0) and release(version) < _FIRST_FOR_NUMPY_2:
        return bad(f"onnxruntime {version} was built for numpy 1", "pip install 'numpy<2', or a newer onnxruntime")
    name = "onnxruntime-gpu" if "onnxruntime-gpu" in installed else "onnxruntime"
    return bad(
        f"onnxruntime {version} does not import: {facts.onnxruntime.error}", f"pip install --force-reinstall {name}"
    )


def one_onnxruntime(facts: Facts) -> Finding:
    """The CPU and the GPU wheel write the same files; with both, the last one installed wins."""
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if name in facts.conditions.versions]
    if len(both) == 2:
        return bad(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other",
            "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install one of them",
        )
    return ok("one onnxruntime") if both else ok("no onnxruntime wheel to clash with")


def known_bad_releases(facts: Facts) -> Finding:
    """Releases that device profiles warn of; on another board of the same kind they may work."""
    installed, board = facts.conditions.versions, (facts.conditions.board or "").lower()
    hits = [each for each in facts.known_bad if installed.get(each.package) == each.version]
    if not hits or facts.conditions.machine != "aarch64":
        return ok("no release that a device profile warns of")
    here = [each for each in hits if _is_board(each.device, board)]
    hit = (here or hits)[0]
    level = bad if here else warn
    return level(
        f"{hit.package} {hit.version} is known bad on {hit.device}: {hit.reason}",
        f"pip install --upgrade '{hit.package}!={hit.version}'",
    )


def _is_board(device: str, board: str) -> bool:
    return all(word in board for word in device.split("-"))


def telemetry(facts: Facts) -> Finding:
    """Whether onnxruntime may call home; importing cdedge_runtime forbids it, unless the user says otherwise."""
    version = facts.onnxruntime.version or ""
    if release(version) < _FIRST_WITH_TELEMETRY:
        return ok("no telemetry in this onnxruntime")
    if facts.telemetry_off:
        return ok(f"onnxruntime {version} does not call home (ORT_DISABLE_TELEMETRY=1)")
    return warn(
        f"onnxruntime {version} looks up a telemetry host and writes into the user's cache folder",
        "unset ORT_DISABLE_TELEMETRY, or set it to 1",
    )


def arm_convolution_leak(facts: Facts) -> Finding:
    """Onnxruntime 1.24 to 1.26 leak on Arm, in KleidiAI's convolutions."""
    version = facts.onnxruntime.version or ""
    if kleidiai_leaks(version, facts.conditions.machine):
        return warn(
            f"onnxruntime {version} leaks memory in its Arm convolutions; cdedge switches them off here "
            "(mlas.disable_kleidiai=1), which other programs have to do for themselves",
            "pip install --upgrade 'onnxruntime>=1.27'",
        )
    return ok("no leaking Arm convolutions")


def opencv(facts: Facts) -> Finding:
    """OpenCV imports."""
    found = facts.opencv
    if found.error is None:
        return ok(f"OpenCV {found.version}")
    if "No module named" in found.error:
        return bad("OpenCV is not installed", "pip install opencv-contrib-python-headless")
    if "libGL" in found.error:
        remedy = "pip uninstall -y opencv-python opencv-contrib-python, then pip install opencv-contrib-python-headless"
        return bad(f"OpenCV needs a desktop's libraries: {found.error}", remedy)
    return bad(f"OpenCV does not import: {_cause(found)}", "pip install --force-reinstall your OpenCV wheel")


def one_opencv(facts: Facts) -> Finding:
    """All OpenCV wheels write into the same folder."""
    wheels = [name for name in facts.conditions.versions if name.startswith("opencv-")]
    if len(wheels) > 1:
        return bad(
            f"{len(wheels)} OpenCV wheels overwrite each other: {', '.join(wheels)}",
            f"pip uninstall -y {' '.join(wheels)}, then pip install opencv-contrib-python-headless",
        )
    return ok(f"one OpenCV: {wheels[0]}" if wheels else "no OpenCV wheel (a system's OpenCV has none)")


def gstreamer(facts: Facts) -> Finding:
    """Cameras on a Jetson's CSI connector, and pipelines, need it."""
    if facts.opencv_build is None:
        return ok("GStreamer: not known, OpenCV does not import")
    if facts.opencv_build.gstreamer:
        return ok("GStreamer: yes")
    what = "GStreamer: no. CSI cameras and pipelines cannot be opened; files, USB cameras and most RTSP can"
    remedy = "use the system's OpenCV (apt install python3-opencv) in a venv with --system-site-packages, not the wheel"
    return warn(what, remedy) if facts.conditions.l4t is not None else ok(what)


def contrib(facts: Facts) -> Finding:
    """The comparison with CSRT and KCF needs OpenCV's contrib modules; tracking does not."""
    if facts.opencv_build is None:
        return ok("CSRT: not known, OpenCV does not import")
    if facts.opencv_build.csrt:
        return ok("CSRT: yes")
    return ok("CSRT: no, as with cdedge[device]; 'evaluate --tracker opencv:CSRT' needs OpenCV's contrib build")


def export(facts: Facts) -> Finding:
    """Whether a model can be exported here; a device needs none of it, so nothing is amiss without."""
    missing = [name for name, version in facts.for_export.items() if version is None]
    if not missing:
        return ok(f"export: yes, PyTorch {facts.for_export['torch']}")
    there = "an ONNX network's, without torch" if not {"onnx", "safetensors"} & set(missing) else "no"
    return ok(f"export: {there} (missing: {', '.join(missing)}). At the desk: {install_words('export')}")


def _cause(found: Imported) -> str:
    return f"signal {found.signal}" if found.signal is not None else found.error or "unknown"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in version.split(".")[:3] if word.isdigit())
