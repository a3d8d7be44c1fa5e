"""What the frozen network and the teacher make of each target: computed once, kept on disk, learned from many times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.onnx_net.own_net import bundled_state, open_bundled
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import file_sha256, write_whole

from .boxed import TEMPLATE_PX, WINDOW_PX, Boxed, boxed
from .footage import Footage
from .teacher import STRIDE

Pixels = npt.NDArray[np.uint8]
Half = npt.NDArray[np.float16]
Real = npt.NDArray[np.float32]

CHUNK = 500  # targets a file


@dataclass(frozen=True)
class Seen:
    """N targets in K windows each.

    templates: (N, C, 8, 8) and windows: (N, K, C, 16, 16), maps of ``cdedge_deep``. answers: (N, K, 6, 16, 16), what
    the teacher says of its own maps, as in a file's ``deep_boxes``. boxes: (N, K, 4), see `Boxed`.
    """

    templates: Half
    windows: Half
    answers: Half
    boxes: Real


class TeachingTracker:
    """A whole Siamese tracker: its backbone, and its head of two inputs and two outputs."""

    def __init__(self, backbone: Path, head: Path) -> None:
        self._backbone, self._head = _session(backbone.read_bytes(), backbone), _session(head.read_bytes(), head)
        maps, logits = self.maps(np.zeros((WINDOW_PX, WINDOW_PX, 3), np.uint8)), (1, 2, WINDOW_PX // STRIDE)
        if maps.shape[2:] != (WINDOW_PX // STRIDE,) * 2:
            raise BadModel(f"{backbone}: expected maps at stride {STRIDE}, found {maps.shape} for {WINDOW_PX} px")
        template = self.maps(np.zeros((TEMPLATE_PX, TEMPLATE_PX, 3), np.uint8))
        wanted = sorted([list(template.shape), list(maps.shape)])
        if sorted(i.shape for i in self._head.get_inputs()) != wanted:
            raise BadModel(f"{head}: expected inputs of {wanted}, as {backbone} delivers them")
        if sorted(o.shape[:3] for o in self._head.get_outputs()) != [list(logits), [1, 4, logits[2]]]:
            raise BadModel(f"{head}: expected two outputs, (1, 2, ..) and (1, 4, ..)")
        self._inputs = {tuple(i.shape): i.name for i in self._head.get_inputs()}
        self._outputs = [o.name for o in sorted(self._head.get_outputs(), key=lambda o: o.shape[1])]

    def maps(self, pixels: Pixels) -> Real:
        """Maps (1, C, h, w) of pixels (H, W, 3)."""
        return _maps(self._backbone, pixels)

    def answers(self, target: Boxed) -> Real:
        """(K, 6, 16, 16): logits of background and target, and the four distances."""
        template, found = self.maps(target.template), []
        for window in target.windows:
            maps = self.maps(window)
            given = {self._inputs[template.shape]: template, self._inputs[maps.shape]: maps}
            found.append(np.concatenate(self._head.run(self._outputs, given), axis=1)[0])
        return np.stack(found)


def gathered(footage: Footage, teacher: TeachingTracker, count: int, seed: int, folder: Path) -> Seen:
    """See ``count`` targets; those that lie in the folder already, of the same seed, are not seen again."""
    cv2.setNumThreads(1)
    network = _session(open_bundled(CDEDGE_DEEP).model.SerializeToString(), Path(CDEDGE_DEEP.name))
    chunks = list[Seen]()
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        path = folder / f"{seed}-{start:06}-{len(numbers)}.npz"
        if not path.exists():
            targets = (boxed(footage, np.random.default_rng((seed, number))) for number in numbers)
            _save(path, _joined([_seen(target, network, teacher) for target in targets]))
        with np.load(path) as file:
            chunks.append(Seen(*(file[field.name] for field in fields(Seen))))
    return _joined(chunks)


def digest_of(trained_on: str, backbone: Path, head: Path) -> str:
    """What tells one kept folder from another: the data, the network and the teacher."""
    network = bundled_state(str(CDEDGE_DEEP.bundled))[1].sha256
    digests = (network, file_sha256(backbone), file_sha256(head))
    return hashlib.sha256("".join((trained_on, *digests)).encode()).hexdigest()[:12]


def _seen(target: Boxed, network: ort.InferenceSession, teacher: TeachingTracker) -> Seen:
    template = _maps(network, target.template)
    windows = np.concatenate([_maps(network, window) for window in target.windows])
    answers = teacher.answers(target)
    return Seen(_half(template), _half(windows[None]), _half(answers[None]), target.boxes[None])


def _half(values: Real) -> Half:
    return values.astype(np.float16)


def _joined(parts: list[Seen]) -> Seen:
    names = [field.name for field in fields(Seen)]
    templates, windows, answers, boxes = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Seen(templates, windows, answers, boxes)


def _save(path: Path, seen: Seen) -> None:
    buffer = BytesIO()
    np.savez(buffer, templates=seen.templates, windows=seen.windows, answers=seen.answers, boxes=seen.boxes)
    write_whole(path, buffer.getvalue())


def _maps(session: ort.InferenceSession, pixels: Pixels) -> Real:
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
    maps: Real = session.run(None, {session.get_inputs()[0].name: planes})[0]
    return maps


def _session(model: bytes, path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        raise BadModel(f"{path}: expected an ONNX network: {error}") from error
