"""The exported graph in an onnxruntime session: search window in, feature maps out."""

from __future__ import annotations

import platform
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.blas import take_blas_room
from cdedge_runtime.errors import (
    BadEnvironment,
    BadInput,
    BadModel,
    MissingExtra,
    ProviderUnavailable,
    Usage,
    memory_ran_out,
)
from cdedge_runtime.estimate import Seen
from cdedge_runtime.files import StrPath, as_path, utf8_name
from cdedge_runtime.kinds import find_kind

from .contract import (
    BOX_CHANNELS,
    BOXES_NAME,
    CROPS,
    DEEP_INPUT_NAME,
    DEEP_OUTPUT_NAME,
    DEEP_SWITCH_NAME,
    HOG_BACKBONE,
    INPUT_NAME,
    OUTPUT_NAME,
    TEMPLATE_INPUT_NAME,
    TEMPLATE_NAME,
    TEMPLATE_OUTPUT_NAME,
    TEMPLATE_SWITCH_NAME,
    DeepPart,
    HeadPart,
    ModelSpec,
)
from .graph import read_metadata
from .metadata import from_metadata, verify
from .providers import PROVIDERS, engine_folder, made, session_entries, tensorrt_options
from .threads import session_threads

try:
    import onnxruntime as ort
except ModuleNotFoundError as error:
    raise MissingExtra("onnxruntime is not installed", "cpu") from error
except ImportError as error:
    raise BadEnvironment(f"onnxruntime cannot be loaded: {error}") from error

_PIXELS, _REAL = "tensor(uint8)", "tensor(float)"
_POWERS_OF_TWO = 0  # onnxruntime's ArenaExtendStrategy
_ROOM = 1.5  # of the arena's first block over the activations: tensors leave gaps; what is not touched takes no memory
_ROOM_BYTES = 1 << 20, 64 << 20  # at least, at most
_ARENA: list[int] = []  # bytes of the first block, once there is one


class _Bound(threading.local):
    """What a session reads and writes in one thread: bound once, and used again in each run."""

    def __init__(self, session: ort.InferenceSession, spec: ModelSpec) -> None:
        self.features = np.zeros((1, spec.channels, *spec.grid), np.float32)
        self.binding = session.io_binding()
        self.binding.bind_ortvalue_output(OUTPUT_NAME, ort.OrtValue.ortvalue_from_numpy(self.features))
        self.boxes = np.zeros((1, 0, 0, 0), np.float32)
        if spec.deep is not None:
            self._bind_deep(spec, spec.deep)
            if spec.deep.head is not None:
                self._bind_head(spec.deep, spec.deep.head)

    def _bind_head(self, deep: DeepPart, head: HeadPart) -> None:
        self._no_template_patch = np.zeros((1, *head.template_px, 3), np.uint8)
        self.template_switch = np.zeros((), np.bool_)
        self.template = np.zeros((1, deep.channels, *head.template), np.float32)
        self.template_features = np.zeros_like(self.template)
        self.boxes = np.zeros((1, BOX_CHANNELS, *deep.grid), np.float32)
        self.binding.bind_cpu_input(TEMPLATE_INPUT_NAME, self._no_template_patch)
        self.binding.bind_cpu_input(TEMPLATE_SWITCH_NAME, self.template_switch)
        self.binding.bind_cpu_input(TEMPLATE_NAME, self.template)
        for name, value in ((TEMPLATE_OUTPUT_NAME, self.template_features), (BOXES_NAME, self.boxes)):
            self.binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(value))

    def _bind_deep(self, spec: ModelSpec, deep: DeepPart) -> None:
        self.no_patch = np.zeros((1, *spec.input_px, 3), np.uint8)
        self._no_deep_patch = np.zeros((1, *deep.input_px, 3), np.uint8)
        self.switch = np.zeros((), np.bool_)
        self.deep_features = np.zeros((1, deep.channels, *deep.grid), np.float32)
        self.binding.bind_cpu_input(DEEP_INPUT_NAME, self._no_deep_patch)
        self.binding.bind_cpu_input(DEEP_SWITCH_NAME, self.switch)
        self.binding.bind_ortvalue_output(DEEP_OUTPUT_NAME, ort.OrtValue.ortvalue_from_numpy(self.deep_features))


class Extractor:
    """A loaded model file: ``extractor(patch)`` gives the kept channels' maps.

    The output array is bound once per thread and reused: it holds until the next call in that thread. So trackers in
    several threads may share one extractor.
    """

    def __init__(self, model: StrPath, *, provider: str = "cpu", threads: int | None = None) -> None:
        path = as_path(model, "model")
        take_blas_room()  # before the session's threads take some
        self.session, self.spec, self.threads = _loaded(path, provider, threads)
        self.provider: str = self.session.get_providers()[0]
        self._bound = _Bound(self.session, self.spec)

    def __reduce__(self) -> NoReturn:
        raise Usage("an open model cannot be copied or pickled, nor can its tracker: open the file again where it goes")

    def __call__(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (C, Gh, Gw) float32 of a (H, W, 3) uint8 BGR window; raises `BadInput` for another."""
        bound = self._bound
        bound.binding.bind_cpu_input(INPUT_NAME, _fitting(patch, self.spec.input_px)[None])
        self._run_bound(bound)
        return np.asarray(bound.features[0])

    def deep(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Deep features (C, Gh, Gw) float32 of a (H, W, 3) uint8 BGR window of the deep part's own size.

        Raises `BadModel` where the file has no deep part, `BadInput` for another window.
        """
        self._deep_part()
        return self.together(self._bound.no_patch[0], patch).deep

    def together(
        self, fine: NDArray[np.uint8], deep: NDArray[np.uint8], template: NDArray[np.float32] | None = None
    ) -> Seen:
        """What `__call__` and `deep` give for a window each, in one run; with a ``template`` the box head's answer too.

        Raises as these, and as `template`.
        """
        bound, part = self._bound, self._deep_part()
        if template is not None:
            self._head()
            bound.template[0] = template
        bound.binding.bind_cpu_input(INPUT_NAME, _fitting(fine, self.spec.input_px)[None])
        bound.binding.bind_cpu_input(DEEP_INPUT_NAME, _fitting(deep, part.input_px)[None])
        bound.switch[...] = True
        try:
            self._run_bound(bound)
        finally:
            bound.switch[...] = False
        return Seen(bound.features[0], bound.deep_features[0], bound.boxes[0])

    def template(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The box head's template (C, Th, Tw) float32 of a (H, W, 3) uint8 BGR window of its own size; a copy.

        Raises `BadModel` where the file has no box head, `BadInput` for another window.
        """
        head = self._head()
        bound = self._bound
        bound.binding.bind_cpu_input(INPUT_NAME, bound.no_patch)
        bound.binding.bind_cpu_input(TEMPLATE_INPUT_NAME, _fitting(patch, head.template_px)[None])
        bound.template_switch[...] = True
        try:
            self._run_bound(bound)
        finally:
            bound.template_switch[...] = False
        return np.array(bound.template_features[0])

    def deep_and_boxes(
        self, patch: NDArray[np.uint8], template: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`deep`, and what the box head says of these maps and a template: (6, Gh, Gw) float32; until the next call.

        Raises as `template`.
        """
        seen = self.together(self._bound.no_patch[0], patch, template)
        return seen.deep, seen.boxes

    def _deep_part(self) -> DeepPart:
        if self.spec.deep is None:
            raise BadModel("the model has no deep part: the profile 'robust' exports one")
        return self.spec.deep

    def _head(self) -> HeadPart:
        if self.spec.deep is None or self.spec.deep.head is None:
            raise BadModel("the model has no box head; export it with one")
        return self.spec.deep.head

    def _run_bound(self, bound: _Bound) -> None:
        try:
            self.session.run_with_iobinding(bound.binding)
        except Exception as error:
            raise self._failed(error) from error

    def batch(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (N, C, Gh, Gw) float32 of many (N, H, W, 3) uint8 BGR crops, for a graph that takes them."""
        return np.asarray(self._run([OUTPUT_NAME], _fitting(patches, self.spec.input_px, many=True))[0])

    def constants(self, names: Sequence[str]) -> list[NDArray[np.float32]]:
        """Constants that the graph delivers; raises `BadModel` where one is missing."""
        missing = set(names) - {output.name for output in self.session.get_outputs()}
        if missing:
            raise BadModel(f"the graph lacks {', '.join(sorted(missing))}, which its tracker needs; export it again")
        return self._run(names, np.zeros((1, *self.spec.input_px, 3), np.uint8))

    def _run(self, names: Sequence[str], patches: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        try:
            return list(self.session.run(list(names), {INPUT_NAME: patches}))
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> BadEnvironment:
        reason = _first_line(error)
        if memory_ran_out(reason):
            return BadEnvironment(f"memory ran out while the network was running: {reason}")
        if self.provider == PROVIDERS["cpu"]:
            return BadEnvironment(f"{self.provider} failed while running: {reason}")
        return ProviderUnavailable(
            f"{self.provider} failed while running: {reason}; the provider 'cpu' runs everywhere", field="provider"
        )

    def nodes(self) -> dict[str, int] | None:
        """Graph nodes per execution provider; None where this onnxruntime does not tell (before about 1.24)."""
        if not hasattr(self.session, "get_provider_graph_assignment_info"):
            return None
        parts = self.session.get_provider_graph_assignment_info()
        return dict(sum((Counter({part.ep_name: len(part.get_nodes())}) for part in parts), Counter()))


def _fitting(patch: NDArray[np.uint8], size: tuple[int, int], *, many: bool = False) -> NDArray[np.uint8]:
    """The window, or the crops, as the network takes them; raises `BadInput` for another size or type."""
    if (
        not isinstance(patch, np.ndarray)
        or patch.dtype != np.uint8
        or patch.shape[-3:] != (*size, 3)
        or (patch.ndim != 3 + many)
    ):
        came = f"{patch.shape} {patch.dtype}" if isinstance(patch, np.ndarray) else type(patch).__name__
        wanted = ", ".join(["N"] * many + [str(n) for n in (*size, 3)])
        raise BadInput(f"patch: expected ({wanted}) uint8, got {came}", field="patch")
    return patch if patch.flags.c_contiguous else np.ascontiguousarray(patch)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def read_spec(model: StrPath) -> ModelSpec:
    """The contract of a model file, checked against its checksum and its graph; raises `BadModel`."""
    return _loaded(as_path(model, "model"), "cpu", 1)[1]


def _loaded(path: Path, provider: str, threads: int | None) -> tuple[ort.InferenceSession, ModelSpec, int]:
    """The file's session and contract, which fit together, and the session's threads."""
    verify(path)
    metadata = read_metadata(path)
    try:
        spec = from_metadata(metadata)
        count = session_threads(threads, spec.macs)
        session = _open_session(path, provider, count, spec.activation_bytes)
        _check_ends(session, spec)
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from error
    return session, spec, count


def _check_ends(session: ort.InferenceSession, spec: ModelSpec) -> None:
    """Raise `BadModel` where the graph's inputs or outputs are not what the contract says.

    onnxruntime tells an output's shape as it works it out, whatever the file says; open sides are words.
    """
    many = CROPS if find_kind(spec.tracker).crops else 1
    patch = [many, *spec.input_px, 3]
    inputs = [(INPUT_NAME, patch, _PIXELS)]
    outputs = {OUTPUT_NAME: ([many, spec.channels, *spec.grid], _REAL)}
    if spec.backbone == HOG_BACKBONE:
        outputs = {OUTPUT_NAME: (patch, _PIXELS)}
    if spec.deep is not None:
        inputs += [(DEEP_INPUT_NAME, [1, *spec.deep.input_px, 3], _PIXELS), (DEEP_SWITCH_NAME, [], "tensor(bool)")]
        outputs[DEEP_OUTPUT_NAME] = ([1, spec.deep.channels, *spec.deep.grid], _REAL)
        if spec.deep.head is not None:
            head = spec.deep.head
            template: list[str | int] = [1, spec.deep.channels, *head.template]
            inputs += [
                (TEMPLATE_INPUT_NAME, [1, *head.template_px, 3], _PIXELS),
                (TEMPLATE_SWITCH_NAME, [], "tensor(bool)"),
                (TEMPLATE_NAME, template, _REAL),
            ]
            outputs[TEMPLATE_OUTPUT_NAME] = (template, _REAL)
            outputs[BOXES_NAME] = ([1, BOX_CHANNELS, *spec.deep.grid], _REAL)
    declared = [(i.name, i.shape, i.type) for i in session.get_inputs()]
    if declared != inputs:
        raise BadModel(f"the graph's input is {declared}, its contract says {inputs}; export it again")
    found = {output.name: (output.shape, output.type) for output in session.get_outputs()}
    for name, wanted in outputs.items():
        if name not in found or _contradicts(found[name], wanted):
            raise BadModel(
                f"the graph's output {name} is {found.get(name)}, its contract says {wanted}; export it again"
            )


def _contradicts(found: tuple[list[Any], str], wanted: tuple[list[Any], str]) -> bool:
    sides = zip(found[0], wanted[0], strict=False)
    closed = any(a != b and isinstance(a, int) and isinstance(b, int) for a, b in sides)
    return closed or len(found[0]) != len(wanted[0]) or found[1] != wanted[1]


def _open_session(path: Path, provider: str, threads: int, activation_bytes: int) -> ort.InferenceSession:
    wanted = _provider(provider)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # its block comes on top of what the arena holds since the first run
    for key, value in session_entries(ort.__version__, platform.machine()).items():
        options.add_session_config_entry(key, value)
    if wanted == PROVIDERS["cpu"]:
        _share_arena(activation_bytes)
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        with utf8_name(path) as name:
            # Without its fallback, which prints on stdout and would replace the provider in the middle of a run.
            session = ort.InferenceSession(name, options, providers=_with_options(wanted, path), enable_fallback=0)
    except Exception as error:
        reason = _first_line(error)
        if memory_ran_out(reason):
            raise BadEnvironment(f"memory ran out while the network was loaded: {reason}") from error
        if wanted != PROVIDERS["cpu"]:
            raise ProviderUnavailable(
                f"{wanted} cannot load the network: {reason}; the provider 'cpu' runs everywhere", field="provider"
            ) from error
        raise BadModel(f"onnxruntime {ort.__version__} cannot load it: {reason}") from error
    if session.get_providers()[0] != wanted:
        raise ProviderUnavailable(
            f"asked for {wanted}, onnxruntime fell back to {session.get_providers()[0]}: its libraries did not load; "
            "install them, or use the provider 'cpu'",
            field="provider",
        )
    return session


def _share_arena(activation_bytes: int) -> None:
    """Have one arena for all sessions of this process, whose first block holds what the first of them needs.

    In one block tensors take each other's place, however large they are; in blocks made for single tensors they do not.
    """
    if _ARENA:
        return
    least, most = _ROOM_BYTES
    first_block = min(max(least, int(_ROOM * activation_bytes)), most)
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg(0, _POWERS_OF_TWO, first_block, -1))
    _ARENA.append(first_block)


def _with_options(wanted: str, path: Path) -> list[tuple[str, dict[str, str]]]:
    """The provider to ask for, with what it has to be told; what TensorRT cannot run goes to CUDA."""
    if wanted == PROVIDERS["cpu"]:
        return [(wanted, {})]
    if hasattr(ort, "preload_dlls"):  # finds the CUDA libraries that pip installed
        ort.preload_dlls()
    if wanted == PROVIDERS["cuda"]:
        return [(wanted, {})]
    return [(wanted, tensorrt_options(made(engine_folder(path, ort.__version__)))), (PROVIDERS["cuda"], {})]


def _provider(name: str) -> str:
    if not isinstance(name, str) or name not in PROVIDERS:
        raise ProviderUnavailable(
            f"unknown provider {name!r:.60}, expected one of {', '.join(PROVIDERS)}", field="provider"
        )
    wanted, available = PROVIDERS[name], ort.get_available_providers()
    if wanted not in available:
        raise ProviderUnavailable(
            f"{wanted} is not in this onnxruntime ({', '.join(available)}): use the provider 'cpu', or install a build "
            "with it (on x86 pip uninstall -y onnxruntime, then pip install onnxruntime-gpu; on a Jetson NVIDIA's own "
            "wheel for its JetPack)",
            field="provider",
        )
    return wanted
