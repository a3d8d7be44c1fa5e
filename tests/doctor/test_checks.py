"""Each known trap, faked: the check sees it, and says nothing where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdedge.commands.doctor import verdict
from cdedge.doctor.checks import CHECKS, examine
from cdedge.doctor.facts import Facts, Finding, Imported, KnownBadVersion, ModelFacts, OpenCv, bad, ok, warn
from cdedge_runtime.measure.conditions import Conditions
from cdedge_runtime.model.providers import PROVIDERS

CONDITIONS = Conditions(
    time="2026-01-01T00:00:00+00:00",
    machine="x86_64",
    system="Linux 6",
    board=None,
    l4t=None,
    cpu="Some CPU",
    cpus=4,
    usable_cpus=4,
    cgroup_cpus=None,
    memory_bytes=8_000_000_000,
    available_bytes=4_000_000_000,
    cgroup_bytes=None,
    address_space_bytes=None,
    governor="schedutil",
    clock_hz=1e9,
    max_clock_hz=2e9,
    temperature_c=40.0,
    throttling=(),
    power_mode=None,
    tegra=None,
    load=0.1,
    blas_threads={},
    versions={"python": "3.12", "numpy": "2.2", "onnxruntime": "1.30.0", "opencv-contrib-python-headless": "4.10"},
)
HEALTHY = Facts(
    conditions=CONDITIONS,
    python=(3, 12),
    numpy=Imported("2.2.0"),
    opencv=Imported("4.10.0"),
    onnxruntime=Imported("1.30.0"),
    opencv_build=OpenCv(gstreamer=True, csrt=True),
    openblas="0.3.29",
    openblas_coretype=None,
    telemetry_off=True,
    providers=("CPUExecutionProvider",),
    missing_libraries={},
    proc_readable=True,
    model=None,
    known_bad=(KnownBadVersion("jetson-nano", "onnxruntime", "1.21.0", "illegal instruction"),),
    for_export={"torch": "2.9.1+cpu", "torchvision": "0.24", "onnx": "1.17", "scipy": "1.14", "safetensors": "0.5"},
)
JETSON = {"machine": "aarch64", "board": "NVIDIA Jetson Nano Developer Kit", "l4t": "r32.7.4", "power_mode": "MAXN"}


def facts(conditions: dict[str, object] | None = None, **changes: object) -> Facts:
    return replace(HEALTHY, conditions=replace(CONDITIONS, **(conditions or {})), **changes)


def with_versions(**versions: str) -> dict[str, object]:
    return {"versions": {"python": "3.12", **{name.replace("_", "-"): v for name, v in versions.items()}}}


GPU = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
CUDA_GONE = {"CUDAExecutionProvider": ("libcublasLt.so.12", "libcudnn.so.9")}
TENSORRT_GONE = {"TensorrtExecutionProvider": ("libnvinfer.so.10",)}
DRIVER_GONE = {"CUDAExecutionProvider": ("libcuda.so.1", "libcudnn.so.9")}
CASES = [
    ("python", facts(python=(3, 8)), "bad", "3.10"),
    ("numpy", facts({"machine": "aarch64"}, numpy=Imported(None, "killed", 4)), "bad", "OPENBLAS_CORETYPE=ARMV8"),
    ("numpy", facts(numpy=Imported(None, "No module named 'numpy'")), "bad", "pip install"),
    ("numpy", facts(JETSON, openblas="0.3.13"), "warn", "OPENBLAS_CORETYPE=ARMV8"),
    ("onnxruntime", facts(onnxruntime=Imported("1.14.1")), "bad", "upgrade"),
    ("onnxruntime", facts(JETSON, onnxruntime=Imported(None, "killed by signal 4", 4)), "bad", "!=1.21.0"),
    ("onnxruntime", facts(with_versions(), onnxruntime=Imported(None, "No module")), "bad", "pip install -e '.[cpu]'"),
    (
        "onnxruntime",
        facts(with_versions(onnxruntime="1.17.1"), onnxruntime=Imported(None, "_ARRAY_API not found")),
        "bad",
        "numpy<2",
    ),
    (
        "onnxruntime",
        facts(with_versions(onnxruntime_gpu="1.22.0"), onnxruntime=Imported(None, "broken")),
        "bad",
        "--force-reinstall onnxruntime-gpu",
    ),
    ("one onnxruntime", facts(with_versions(onnxruntime="1.22", onnxruntime_gpu="1.22")), "bad", "pip uninstall"),
    ("known bad releases", facts({**JETSON, **with_versions(onnxruntime="1.21.0")}), "bad", "!=1.21.0"),
    (
        "known bad releases",
        facts({**with_versions(onnxruntime="1.21.0"), "machine": "aarch64", "board": "Another board"}),
        "warn",
        "!=1.21.0",
    ),
    ("Arm convolutions", facts({"machine": "aarch64"}, onnxruntime=Imported("1.25.0")), "warn", ">=1.27"),
    ("OpenCV", facts(opencv=Imported(None, "ModuleNotFoundError: No module named 'cv2'")), "bad", "pip install"),
    ("OpenCV", facts(opencv=Imported(None, "libGL.so.1: cannot open shared object file")), "bad", "headless"),
    ("OpenCV", facts(opencv=Imported(None, "killed", 4)), "bad", "reinstall"),
    ("one OpenCV", facts(with_versions(opencv_python="4.9", opencv_contrib_python="4.8")), "bad", "uninstall"),
    ("GStreamer", facts(JETSON, opencv_build=OpenCv(gstreamer=False, csrt=True)), "warn", "python3-opencv"),
    ("CUDA", facts(providers=GPU, missing_libraries=CUDA_GONE), "warn", "CUDA 12 and cuDNN 9"),
    ("CUDA", facts(providers=GPU, missing_libraries=DRIVER_GONE), "warn", "--gpus all"),
    ("CUDA", facts(JETSON, providers=GPU, missing_libraries=CUDA_GONE), "warn", "nvidia-jetpack"),
    (
        "CUDA",
        facts(providers=GPU, missing_libraries=DRIVER_GONE),
        "warn",
        "then pip install 'onnxruntime-gpu[cuda,cudnn]'",
    ),
    ("CUDA", facts(providers=GPU, missing_libraries={PROVIDERS["cuda"]: ("libodd.so.1",)}), "warn", "release notes"),
    ("TensorRT", facts(providers=GPU, missing_libraries=TENSORRT_GONE), "warn", "'tensorrt==10.*'"),
    (
        "TensorRT",
        facts(providers=GPU, missing_libraries={PROVIDERS["tensorrt"]: ("libcublas.so.13", "libnvinfer.so.10")}),
        "warn",
        "'tensorrt-cu13==10.*'",
    ),
    (
        "model",
        facts(onnxruntime=Imported("1.16.3"), model=ModelFacts("m.onnx", 10, 17, None, "cannot load")),
        "bad",
        "onnxruntime>=1.18",
    ),
    (
        "model",
        facts(onnxruntime=Imported("1.16.3"), model=ModelFacts("m.onnx", 8, 20, None, "cannot load")),
        "bad",
        "onnxruntime>=1.17",
    ),
    ("model", facts(model=ModelFacts("m.onnx", 8, 17, None, "altered")), "bad", "cdedge export"),
    ("board", facts({**JETSON, "power_mode": None}), "warn", "nvpmodel"),
    ("limits", facts({"address_space_bytes": 400_000_000}), "bad", "ulimit -v"),
    ("limits", facts({"cgroup_cpus": 1.5}), "warn", "--threads 1"),
    ("memory", facts({"available_bytes": 100_000_000}), "warn", "stop other programs"),
    ("memory", facts({"available_bytes": None}), "warn", "free"),
    (
        "memory",
        facts({"cgroup_bytes": 300_000_000}, model=ModelFacts("m.onnx", 8, 17, 400_000_000, None)),
        "bad",
        "fewer layers",
    ),
    ("/proc", facts(proc_readable=False), "warn", "host"),
    ("governor", facts({"governor": "powersave"}), "warn", "scaling_governor"),
    ("governor", facts({**JETSON, "governor": "powersave"}), "warn", "jetson_clocks"),
    ("load", facts({"load": 2.1}), "warn", "stop them"),
    ("heat", facts({"throttling": ("cpufreq-cpu0 is active",)}), "warn", "cool"),
    ("telemetry", facts(onnxruntime=Imported("1.29.0"), telemetry_off=False), "warn", "unset ORT_DISABLE_TELEMETRY"),
]


@pytest.mark.parametrize(("check", "faked", "level", "remedy"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_a_faked_trap_is_found_and_its_remedy_named(check: str, faked: Facts, level: str, remedy: str) -> None:
    finding = CHECKS[check](faked)
    assert finding.level == level
    assert remedy in finding.remedy
    assert CHECKS[check](HEALTHY).level == "ok"


def test_a_healthy_machine_has_no_remedies() -> None:
    findings = examine(HEALTHY)
    assert {f.level for f in findings.values()} == {"ok"}
    assert not any(f.remedy for f in findings.values())


def test_every_check_is_shown_failing_once() -> None:
    assert {case[0] for case in CASES} == set(CHECKS) - {"export", "CSRT"}  # a device does without


@pytest.mark.parametrize(
    ("check", "faked", "text"),
    [
        ("board", facts(JETSON), "L4T r32.7.4, power mode MAXN"),
        ("python", facts(python=(3, 10)), "1.23.2"),
        ("limits", facts({"usable_cpus": 2}), "2 of 4"),
        ("limits", facts({"cgroup_bytes": 2_000_000_000}), "2000 MB"),
        ("governor", facts({"governor": None}), "not readable"),
        ("governor", facts({"governor": "powersave", "cpu": "Intel(R) Core(TM) i7"}), "powersave"),
        ("Arm convolutions", facts({"machine": "aarch64"}, onnxruntime=Imported("1.27.0")), "no leaking"),
        ("telemetry", facts(onnxruntime=Imported("1.28.1"), telemetry_off=False), "no telemetry"),
        ("telemetry", facts(onnxruntime=Imported("1.31.0")), "does not call home"),
        ("numpy", facts(JETSON, openblas="0.3.13", openblas_coretype="ARMV8"), "numpy"),
        ("CUDA", facts(providers=GPU), "libraries load"),
        ("GStreamer", facts(opencv_build=OpenCv(gstreamer=False, csrt=True)), "GStreamer: no"),
        ("CSRT", facts(opencv_build=OpenCv(gstreamer=True, csrt=False)), "CSRT: no"),
        ("model", facts(model=ModelFacts("m.onnx", 8, 17, 1000, None)), "loads"),
        ("load", facts({"load": None}), "not readable"),
        ("heat", facts({"throttling": None, "temperature_c": None}), "not told"),
    ],
)
def test_what_is_said_where_all_is_well(check: str, faked: Facts, text: str) -> None:
    finding = CHECKS[check](faked)
    assert (finding.level, finding.remedy) == ("ok", "")
    assert text in finding.what


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ((), "export: yes, PyTorch 2.9.1+cpu"),
        (
            ("torch", "scipy"),
            "export: an ONNX network's, without torch (missing: torch, scipy). At the desk: pip install",
        ),
        (("torch", "onnx"), "export: no (missing: torch, onnx)"),
    ],
)
def test_whether_export_is_installed_is_told_and_is_no_fault(missing: tuple[str, ...], said: str) -> None:
    found = examine(facts(for_export={**HEALTHY.for_export, **dict.fromkeys(missing)}))["export"]
    assert (found.level, found.what.startswith(said)) == ("ok", True), found


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([ok("a")], "cdedge works here"),
        ([ok("a"), warn("b", "c")], "cdedge works here: 1 warning above, each with what to do"),
        (
            [bad("a", "b"), bad("a", "b"), warn("b", "c")],
            "cdedge does not work here as it should: 2 faults and 1 warning",
        ),
    ],
)
def test_it_ends_with_a_verdict(findings: list[Finding], said: str) -> None:
    assert verdict(findings).startswith(said)
