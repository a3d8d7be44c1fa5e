"""A torchvision model as a `Graph`, through PyTorch's own exporter. Imports PyTorch only where it is called."""

from __future__ import annotations

import pickle
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdedge_export.network.backbones import CDEDGE_DEEP, TORCHVISION_LICENCE, UNKNOWN_LICENCE
from cdedge_runtime.errors import BadEnvironment, BadModel, Usage
from cdedge_runtime.files import file_sha256, scratch_folder
from cdedge_runtime.model.contract import WeightsInfo
from cdedge_runtime.silence import silent

from .own_net import open_bundled
from .read import Graph, open_graph

_OPSET = 17
_EXPORT_PX = 224  # only to trace: height and width are left open


def open_network(text: str, weights: str | None = None) -> Graph:
    """The network of an ``.onnx`` file, our own ``cdedge_deep``, or torchvision's model of that name.

    Raises `BadModel`, `BadEnvironment` or `Usage`.
    """
    if text == CDEDGE_DEEP.name and weights in (None, "bundled"):
        return open_bundled(CDEDGE_DEEP)
    if not is_file(text):
        return open_torchvision(text, weights)
    if weights is not None:
        raise Usage(f"weights: {text} holds its own; leave it out")
    return open_graph(Path(text))


def is_file(text: str) -> bool:
    """Whether a network is named as a file, not as one of torchvision's."""
    return Path(text).suffix.lower() == ".onnx" or Path(text).exists()


def open_torchvision(name: str, weights: str | None) -> Graph:
    """Export torchvision's model ``name`` and read it.

    ``weights``: ``imagenet`` (torchvision's best, downloaded once) or the path of a state dict; with none the numbers
    are random, which is enough to list its layers. Raises `Usage` for no such model, `BadModel` for weights that are
    not its own or a model that cannot be exported, `BadEnvironment` for no network.
    """
    import torch
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise Usage(f"no network {name!r}: give the PATH of an .onnx file, or one of torchvision's {' '.join(known)}")
    model, info = _loaded(name, weights)
    with scratch_folder() as folder, silent(1), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of shapes it takes for constants; taps are run before they are listed
        path = folder / f"{name}.onnx"
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


def _loaded(name: str, weights: str | None) -> tuple[Any, WeightsInfo]:
    import torch
    import torchvision

    if weights == "imagenet":
        return _downloaded(name)
    model = torchvision.models.get_model(name, weights=None)
    if weights is None:
        return model, WeightsInfo("none", "", UNKNOWN_LICENCE)
    path = Path(weights)
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, pickle.UnpicklingError, EOFError) as error:
        raise BadModel(f"{path}: cannot be read as a state dict: {str(error).splitlines()[0]}") from error
    except (RuntimeError, AttributeError, TypeError) as error:
        raise BadModel(f"{path}: not the weights of {name}: {str(error).splitlines()[-1].strip()}") from error
    return model, WeightsInfo(path.name, file_sha256(path), UNKNOWN_LICENCE)


def _downloaded(name: str) -> tuple[Any, WeightsInfo]:
    import torch
    import torchvision

    entry = torchvision.models.get_model_weights(name).DEFAULT
    try:
        with redirect_stdout(sys.stderr):  # PyTorch says there what it downloads; stdout is the result's
            model = torchvision.models.get_model(name, weights=entry)
    except (OSError, RuntimeError) as error:
        raise BadEnvironment(
            f"torchvision's weights {entry} cannot be downloaded ({error}): connect once, or give weights the PATH of "
            "a state dict"
        ) from error
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(entry.url).path).name
    return model, WeightsInfo(str(entry), file_sha256(path), TORCHVISION_LICENCE)
