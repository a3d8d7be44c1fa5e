"""A torchvision model as a `Graph`, through PyTorch's own exporter. Imports PyTorch only where it is called."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.files import file_sha256
from cdedge_runtime.model.contract import WeightsInfo

from .read import UNKNOWN_LICENCE, Graph, open_graph

_OPSET = 17
_EXPORT_PX = 224  # only to trace: height and width are left open


def open_network(text: str, weights: str | None = None) -> Graph:
    """The network of an ``.onnx`` file, or of torchvision's model of that name with the ``weights`` file.

    Raises `BadModel` or `Usage`.
    """
    path = Path(text)
    if path.suffix.lower() == ".onnx" or path.exists():
        if weights is not None:
            raise Usage(f"{text} holds its own weights: leave --weights out")
        return open_graph(path)
    return open_torchvision(text, None if weights is None else Path(weights))


def open_torchvision(name: str, weights: Path | None) -> Graph:
    """Export torchvision's model ``name`` with its state dict ``weights``, and read it.

    Without weights the numbers are random, which is enough to list its layers. Raises `Usage` for no such model,
    `BadModel` for weights that are not its own or a model that cannot be exported.
    """
    import torch
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise Usage(f"no network {name!r}: give the PATH of an .onnx file, or one of torchvision's {' '.join(known)}")
    model = torchvision.models.get_model(name, weights=None)
    info = WeightsInfo("none", "", UNKNOWN_LICENCE)
    if weights is not None:
        _load(model, weights)
        info = WeightsInfo(weights.name, file_sha256(weights), UNKNOWN_LICENCE)
    with tempfile.TemporaryDirectory() as folder, _silent(), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of shapes it takes for constants; taps are run before they are listed
        path = Path(folder) / f"{name}.onnx"
        try:
            torch.onnx.export(
                model.eval(),
                (torch.zeros(1, 3, _EXPORT_PX, _EXPORT_PX),),
                str(path),
                input_names=["image"],
                dynamic_axes={"image": {2: "height", 3: "width"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise BadModel(f"{name}: PyTorch cannot export it to ONNX: {str(error).splitlines()[0]}") from error
        return replace(open_graph(path), path=Path(name), info=info)


def _load(model: Any, path: Path) -> None:
    import torch

    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, pickle.UnpicklingError, EOFError) as error:
        raise BadModel(f"{path}: cannot be read as a state dict: {str(error).splitlines()[0]}") from error
    except (RuntimeError, AttributeError, TypeError) as error:
        raise BadModel(f"{path}: not the weights of this network: {str(error).splitlines()[-1].strip()}") from error


@contextmanager
def _silent() -> Iterator[None]:
    """Without what PyTorch's exporter prints from C++ when it fails: the whole graph, twice."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
