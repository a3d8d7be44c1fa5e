"""An exported file held to a reference on the same patches. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from cdedge_export.network.layers import Floats, Patches
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import utf8_name
from cdedge_runtime.model.contract import INPUT_NAME, OUTPUT_NAME, ModelSpec, Precision, Tap
from cdedge_runtime.model.metadata import from_metadata

# Of the largest feature; measured at most: 1e-6, 2e-3 and 0.11.
TOLERANCES: dict[Precision, float] = {"fp32": 1e-4, "fp16": 1e-2, "int8": 0.3}


@dataclass(frozen=True)
class TapLoss:
    """Squared difference of a tap's features to the full network's, over the latter's sum of squares."""

    name: str
    error: float


@dataclass(frozen=True)
class Parity:
    """Largest difference of a file to its ``reference``, absolute and over the tap's largest feature."""

    max_abs: float
    max_rel: float
    tolerance: float
    losses: tuple[TapLoss, ...]
    reference: str


def compared(
    found: Mapping[str, Floats],
    expected: Mapping[str, Floats],
    *,
    precision: Precision,
    reference: str,
    losses: tuple[TapLoss, ...] = (),
    option: str = "precision",
) -> Parity:
    """How far each tap's maps are from those expected.

    Raises `BadModel` where that exceeds what `TOLERANCES` says for the ``precision``, which ``option`` chose.
    """
    max_abs, max_rel = largest_difference(found, expected)
    parity = Parity(max_abs, max_rel, TOLERANCES[precision], losses, reference)
    if not parity.max_rel <= parity.tolerance:
        why = f"is onnxruntime {ort.__version__} sound?" if precision == "fp32" else f"this network needs {option} fp32"
        raise BadModel(
            f"the exported graph differs from {reference} by {parity.max_rel:.2g} of the largest feature, "
            f"allowed is {parity.tolerance:g}; no file was written; {why}"
        )
    return parity


def tap_losses(found: Mapping[str, Floats], full: Mapping[str, Floats], prefix: str = "") -> tuple[TapLoss, ...]:
    """What is lost of each tap's features."""
    return tuple(TapLoss(prefix + name, _relative_squares(maps, full[name])) for name, maps in found.items())


def _relative_squares(found: Floats, wanted: Floats) -> float:
    return float(np.sum((found - wanted) ** 2)) / max(float(np.sum(wanted**2)), 1e-12)


def file_features(path: Path, spec: ModelSpec, patches: Patches) -> dict[str, Floats]:
    """What a written file delivers for ``patches`` (N, H, W, 3) uint8 BGR: of each tap (N, kept, Gh, Gw).

    Raises `BadModel` where the file's contract is not ``spec``.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    with utf8_name(path) as name:
        session = ort.InferenceSession(name, options, providers=["CPUExecutionProvider"])
    if from_metadata(session.get_modelmeta().custom_metadata_map) != spec:
        raise BadModel(f"{path}: the contract read back is not the one written; please report this")
    found = np.concatenate([session.run([OUTPUT_NAME], {INPUT_NAME: patch[None]})[0] for patch in patches])
    return _split(found, spec.taps)


def _split(features: Floats, taps: tuple[Tap, ...]) -> dict[str, Floats]:
    ends = np.cumsum([len(tap.kept) for tap in taps])
    return dict(zip((tap.name for tap in taps), np.split(features, ends[:-1], axis=1), strict=True))


def largest_difference(found: Mapping[str, Floats], expected: Mapping[str, Floats]) -> tuple[float, float]:
    """Of maps to those expected: absolute, and over each tap's largest feature."""
    largest = [float(np.abs(maps - expected[name]).max()) for name, maps in found.items()]
    scales = [max(float(np.abs(expected[name]).max()), 1e-6) for name in found]
    return float(np.max(largest)), float(np.max(np.divide(largest, scales)))  # np.max keeps a NaN
