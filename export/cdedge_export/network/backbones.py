"""The networks channels are taken from, as data: straight tuples of layers with their sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import InputConvention

UNKNOWN_LICENCE = "unknown: see the file's origin"
TORCHVISION_LICENCE = "BSD-3-Clause (torchvision); trained on ImageNet, whose own terms apply"

Shape = tuple[int, ...]


def bundled_licence(notes: Mapping[str, str]) -> str:
    """The licence of weights of our own, and what they were trained on, of the notes in their file."""
    data = notes["trained_on"].partition(" (")[0]
    return f"{notes['licence']}, on {data} that are under research terms or of unknown owners (docs/studies/weights.md)"


@dataclass(frozen=True)
class Conv:
    """A convolution and the ReLU after it; ``key`` is its name in a state dict."""

    name: str
    key: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    pad: int = 1

    def parameters(self) -> dict[str, Shape]:
        """Shapes of the layer's weights, by their names in a state dict."""
        return _parameters(self.key, self.inputs, self.outputs, self.kernel)


@dataclass(frozen=True)
class Fire:
    """SqueezeNet's module (Iandola et al. 2016): a 1x1 squeeze, then 1x1 and 3x3 expansions side by side."""

    name: str
    key: str
    inputs: int
    squeeze: int
    expand: int

    @property
    def outputs(self) -> int:
        """Channels of the two expansions together."""
        return 2 * self.expand

    def parameters(self) -> dict[str, Shape]:
        """Shapes of the module's weights, by their names in a state dict."""
        return {
            **_parameters(f"{self.key}.squeeze", self.inputs, self.squeeze, 1),
            **_parameters(f"{self.key}.expand1x1", self.squeeze, self.expand, 1),
            **_parameters(f"{self.key}.expand3x3", self.squeeze, self.expand, 3),
        }


@dataclass(frozen=True)
class Pool:
    """Max pooling; ``ceil`` keeps the last, partly filled window."""

    name: str
    kernel: int
    stride: int
    ceil: bool


@dataclass(frozen=True)
class Lrn:
    """Normalisation across ``size`` neighbouring channels: x / (bias + alpha/size * sum of squares)^beta."""

    name: str
    outputs: int
    size: int = 5
    alpha: float = 5e-4
    beta: float = 0.75
    bias: float = 2.0


@dataclass(frozen=True)
class Dense:
    """A fully connected layer behind the taps, which a tracker trains on; ``key`` is its name in a state dict."""

    name: str
    key: str
    inputs: int
    outputs: int

    def parameters(self) -> dict[str, Shape]:
        """Shapes of the layer's weights, by their names in a state dict."""
        return {f"{self.key}.weight": (self.outputs, self.inputs), f"{self.key}.bias": (self.outputs,)}


Layer = Conv | Fire | Pool | Lrn


@dataclass(frozen=True)
class Backbone:
    """One network.

    conventions: the input conventions its published weights follow; the first is the original authors'.
    bundled: package data with weights of its first layers, or None.
    published: torchvision's name for its ImageNet weights, or None.
    published_sha256: what the SHA-256 of torchvision's file begins with.
    matconvnet: whether a MatConvNet ``.mat`` file of it can be read (layers are found by name).
    head: fully connected layers behind the last tap, which belong to the weights of any taps.
    """

    name: str
    layers: tuple[Layer, ...]
    conventions: tuple[tuple[str, InputConvention], ...]
    bundled: str | None = None
    published: str | None = None
    published_sha256: str | None = None
    matconvnet: bool = False
    head: tuple[Dense, ...] = ()

    @property
    def taps(self) -> tuple[str, ...]:
        """Names of the layers whose output can be used, in network order."""
        return tuple(layer.name for layer in self.layers if not isinstance(layer, Pool))

    def channels(self, tap: str) -> int:
        """How many channels a tap has."""
        return next(x.outputs for x in self.layers if not isinstance(x, Pool) and x.name == tap)

    def up_to(self, taps: Iterable[str]) -> tuple[Layer, ...]:
        """Layers from the input to the deepest of ``taps``."""
        wanted = set(taps)
        last = max(i for i, layer in enumerate(self.layers) if layer.name in wanted)
        return self.layers[: last + 1]

    def parameters(self, taps: Iterable[str]) -> dict[str, Shape]:
        """Shapes of every weight needed to compute ``taps``, by its name in a state dict."""
        layers = [layer for layer in self.up_to(taps) if isinstance(layer, (Conv, Fire))]
        return {key: shape for layer in (*layers, *self.head) for key, shape in layer.parameters().items()}


def parse_layers(text: str, backbone: Backbone) -> tuple[str, ...]:
    """Tap names of ``11``, ``11+12+21`` or ``all`` (every convolution) in network order; raises `Usage`."""
    if text.strip() == "all":
        return tuple(layer.name for layer in backbone.layers if isinstance(layer, (Conv, Fire)))
    wanted = [name.strip() for name in text.split("+")]
    unknown = [name for name in wanted if name not in backbone.taps]
    if unknown:
        valid = " ".join(backbone.taps)
        raise Usage(f"{backbone.name} has no layer {unknown[0]!r}: use '+' between any of {valid}, or 'all'")
    return tuple(name for name in backbone.taps if name in wanted)


def find_backbone(name: str) -> Backbone:
    """Look a network up by its name; raises `Usage`."""
    if name not in BACKBONES:
        raise Usage(f"no backbone {name!r}: use one of {', '.join(BACKBONES)}")
    return BACKBONES[name]


def _parameters(key: str, inputs: int, outputs: int, kernel: int) -> dict[str, Shape]:
    return {f"{key}.weight": (outputs, inputs, kernel, kernel), f"{key}.bias": (outputs,)}


_UNIT = (1.0, 1.0, 1.0)
_BGR_MEAN = (103.939, 116.779, 123.68)
_TORCHVISION = InputConvention("RGB", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CAFFE_VGG = InputConvention("BGR", 1.0, _BGR_MEAN, _UNIT)
_CAFFE_SQUEEZENET = InputConvention("BGR", 1.0, (104.0, 117.0, 123.0), _UNIT)
_MATCONVNET = InputConvention("RGB", 1.0, _BGR_MEAN[::-1], _UNIT)
_PIXELS = InputConvention("BGR", 1.0, (0.0, 0.0, 0.0), _UNIT)
_MDNET = InputConvention("RGB", 1.0, (128.0, 128.0, 128.0), _UNIT)


def _vgg19_layers() -> tuple[Layer, ...]:
    """Build configuration E of Simonyan & Zisserman 2015, five blocks of 3x3; a tap is block and number."""
    layers: list[Layer] = []
    index, inputs = 0, 3
    for block, (count, outputs) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)), start=1):
        if block > 1:
            layers.append(Pool(f"pool{block - 1}", 2, 2, ceil=False))
        for number in range(1, count + 1):
            layers.append(Conv(f"{block}{number}", f"features.{index}", inputs, outputs))
            index, inputs = index + 2, outputs
        index += 1
    return tuple(layers)


def _squeezenet_layers(first: Conv, pooled_before: dict[str, int]) -> tuple[Layer, ...]:
    """Iandola et al. 2016; the versions differ in conv1 and in where the three 3/2 poolings stand."""
    layers: list[Layer] = [first]
    index, inputs = 2, first.outputs
    sizes = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    for number, (squeeze, expand) in enumerate(sizes, start=2):
        name = f"fire{number}"
        if name in pooled_before:
            layers.append(Pool(f"pool{pooled_before[name]}", 3, 2, ceil=True))
            index += 1
        layers.append(Fire(name, f"features.{index}", inputs, squeeze, expand))
        index, inputs = index + 1, 2 * expand
    return (*layers, Conv("conv10", "classifier.1", 512, 1000, kernel=1, pad=0))


VGG19 = Backbone(
    "vgg19",
    _vgg19_layers(),
    (("caffe", _CAFFE_VGG), ("torchvision", _TORCHVISION)),
    bundled="vgg19_front.safetensors",
    published="VGG19_Weights.IMAGENET1K_V1",
    published_sha256="dcbb9e9d",
)
SQUEEZENET1_1 = Backbone(
    "squeezenet1_1",
    _squeezenet_layers(
        Conv("conv1", "features.0", 3, 64, kernel=3, stride=2, pad=0), {"fire2": 1, "fire4": 3, "fire6": 5}
    ),
    (("caffe", _CAFFE_SQUEEZENET), ("torchvision", _TORCHVISION)),
    published="SqueezeNet1_1_Weights.IMAGENET1K_V1",
    published_sha256="b8a52dc0",
)
SQUEEZENET1_0 = Backbone(
    "squeezenet1_0",
    _squeezenet_layers(
        Conv("conv1", "features.0", 3, 96, kernel=7, stride=2, pad=0), {"fire2": 1, "fire5": 4, "fire9": 8}
    ),
    (("caffe", _CAFFE_SQUEEZENET), ("torchvision", _TORCHVISION)),
    published="SqueezeNet1_0_Weights.IMAGENET1K_V1",
    published_sha256="b66bff10",
)
# Chatfield et al. 2014, "VGG-M-2048", as ECO and MatConvNet use it.
VGGM = Backbone(
    "vggm",
    (
        Conv("conv1", "features.0", 3, 96, kernel=7, stride=2, pad=0),
        Lrn("norm1", 96),
        Pool("pool1", 3, 2, ceil=True),
        Conv("conv2", "features.4", 96, 256, kernel=5, stride=2, pad=1),
        Lrn("norm2", 256),
        Pool("pool2", 3, 2, ceil=True),
        Conv("conv3", "features.8", 256, 512),
        Conv("conv4", "features.10", 512, 512),
        Conv("conv5", "features.12", 512, 512),
    ),
    (("matconvnet", _MATCONVNET), ("caffe", _CAFFE_VGG)),
    matconvnet=True,
)


def mdnet_backbone(
    name: str, *, lrn: tuple[int, float, float], convs: tuple[int, int, int] = (96, 256, 512), dense: int = 512
) -> Backbone:
    """VGG-M's first three convolutions without padding, then fc4 and fc5 (Nam and Han 2016).

    ``lrn`` is (size, alpha, bias) of the normalisation the weights were trained with.
    """
    size, alpha, bias = lrn
    one, two, three = convs
    return Backbone(
        name,
        (
            Conv("conv1", "conv1.0", 3, one, kernel=7, stride=2, pad=0),
            Lrn("norm1", one, size=size, alpha=alpha, bias=bias),
            Pool("pool1", 3, 2, ceil=False),
            Conv("conv2", "conv2.0", one, two, kernel=5, stride=2, pad=0),
            Lrn("norm2", two, size=size, alpha=alpha, bias=bias),
            Pool("pool2", 3, 2, ceil=False),
            Conv("conv3", "conv3.0", two, three, pad=0),
        ),
        (("mdnet", _MDNET),),
        matconvnet=True,
        head=(Dense("fc4", "fc4.0", 9 * three, dense), Dense("fc5", "fc5.1", dense, dense)),
    )


# Ours: strided, so that it is fast, and straight, so that any of its channels can be left out. conv4 lies at stride 8,
# conv8 at stride 16 and sees 143 px. ``training.deep`` trains it; docs/studies/weights.md says how.
CDEDGE_DEEP = Backbone(
    "cdedge_deep",
    (
        Conv("conv1", "features.0", 3, 16, stride=2),
        Conv("conv2", "features.1", 16, 32, stride=2),
        Conv("conv3", "features.2", 32, 64, stride=2),
        Conv("conv4", "features.3", 64, 64),
        Conv("conv5", "features.4", 64, 96, stride=2),
        Conv("conv6", "features.5", 96, 96),
        Conv("conv7", "features.6", 96, 96),
        Conv("conv8", "features.7", 96, 96),
    ),
    (("bgr", _PIXELS),),
    bundled="cdedge_deep.safetensors",
)
# Of MDNet's original (.mat) and of its authors' PyTorch version (.pth): the normalisations differ.
MDNET = mdnet_backbone("mdnet", lrn=(5, 5e-4, 2.0))
PYMDNET = mdnet_backbone("pymdnet", lrn=(2, 1e-4, 1.0))
BACKBONES = {b.name: b for b in (VGG19, SQUEEZENET1_1, SQUEEZENET1_0, VGGM, MDNET, PYMDNET, CDEDGE_DEEP)}
