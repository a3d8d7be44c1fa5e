"""A correlation filter as a differentiable head: train it on one view of a target, respond on another.

The filter is the multi-channel DCF ``g = conj(f) y / (sum |f|^2 + lambda)`` (Danelljan et al. 2014; CFNet and
DCFNet train through it likewise). Its response on another view needs only the cross-spectra
``S_ij = sum_c conj(f_i) f_j``, so a subset of the channels is a partial sum, and layers add up.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

VIEWS = 3  # per target: where the filter starts, where it drifted to, where the target is looked for
FILTERS = (((0,), 1), ((0,), 2), ((1,), 2), ((0, 1), 2))  # views a filter is trained on, view it answers on
SCALE_WIDTH = 0.07  # log scale at which the wanted peak has fallen to exp(-1/2)


def labels(shift: Tensor, sigma: Tensor, grid: int) -> Tensor:
    """Gaussian labels (B, V, G, G) for ``shift`` (B, V, 2; x, y, cells) and ``sigma`` (B; cells), wrapped."""
    cells = torch.arange(grid, dtype=torch.float32)

    def bump(center: Tensor) -> Tensor:
        distance = torch.remainder(cells - center.unsqueeze(-1) + grid / 2, grid) - grid / 2
        return torch.exp(-(distance**2) / (2 * sigma.view(-1, 1, 1) ** 2))

    return bump(shift[..., 1]).unsqueeze(-1) * bump(shift[..., 0]).unsqueeze(-2)


def spectra(maps: Tensor, grid: int) -> Tensor:
    """Half spectra (N, C, G, G/2+1) of square ``maps`` (N, C, H, H), H a multiple of G.

    Area-pooled, of unit rms per view, under a Hann window: what the device does.
    """
    pooled = functional.avg_pool2d(maps, maps.shape[-1] // grid).float().contiguous()
    pooled = pooled / (pooled.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-6).sqrt()
    hann = torch.hann_window(grid, periodic=False)
    return torch.fft.rfft2(pooled * hann.view(-1, 1) * hann)


def cross_spectra(spectrum: Tensor, masks: Tensor) -> dict[tuple[int, int], Tensor]:
    """``S_ij`` (B, K, G, G/2+1) of the views (B, V, C, ..) that `FILTERS` need, for ``masks`` (K, C)."""
    wanted = ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))
    weights = masks.to(spectrum.dtype)
    return {(i, j): torch.einsum("kc,bchw->bkhw", weights, spectrum[:, i].conj() * spectrum[:, j]) for i, j in wanted}


def response(
    s: dict[tuple[int, int], Tensor], label: Tensor, trained: tuple[int, ...], view: int, regularization: float
) -> Tensor:
    """Response (B, K, G, G) on ``view`` of the filter trained on the views ``trained``."""
    y = torch.fft.rfft2(label).unsqueeze(2)
    num = sum(y[:, i] * s[i, view] for i in trained)
    den = sum(s[i, i].real for i in trained)
    floor = regularization * den.mean(dim=(-2, -1), keepdim=True)
    return torch.fft.irfft2(num / (den + floor), s=label.shape[-2:])


def loss(found: Tensor, label: Tensor, height: Tensor) -> Tensor:
    """Squared error to ``height`` times the label, plus cross entropy over positions; both 1 for no answer.

    ``found`` is a response (B, K, G, G), ``label`` (B, G, G), ``height`` (B,). The cross entropy sees the
    response over its own rms, because a tracker asks where the peak is, not how high.
    """
    y = label.unsqueeze(1)
    wanted = height.view(-1, 1, 1, 1) * y
    error = (found - wanted).square().mean(dim=(-2, -1)) / y.square().mean(dim=(-2, -1))
    logits = (found / (found.square().mean(dim=(-2, -1), keepdim=True) + 1e-8).sqrt()).flatten(2)
    target = (y / y.sum(dim=(-2, -1), keepdim=True)).flatten(2)
    entropy = -(target * torch.log_softmax(logits, dim=-1)).sum(-1) / math.log(logits.shape[-1])
    return (error + entropy).mean()


def peak_height(log_scale: Tensor, trained: tuple[int, ...], view: int) -> Tensor:
    """How high (B,) a filter shall answer on a view of another scale: lower, or no scale search can work."""
    gap = log_scale[:, view] - log_scale[:, list(trained)].mean(1)
    return torch.exp(-0.5 * (gap / SCALE_WIDTH) ** 2)


def subset_masks(channels: int, count: int, generator: torch.Generator) -> Tensor:
    """(1 + count, channels): all of them, then random subsets of a quarter to three quarters."""
    share = 0.25 + 0.5 * torch.rand((count, 1), generator=generator)
    kept = torch.rand((count, channels), generator=generator) < share
    return torch.cat([torch.ones(1, channels), kept.float()])


def head_loss(
    taps: tuple[Tensor, ...], label: Tensor, log_scale: Tensor, masks: list[Tensor], regularization: float
) -> Tensor:
    """Mean loss of each tap alone and of all together, over all filters; ``taps`` hold (B * V, C, H, W)."""
    grid = label.shape[-1]
    each = [
        cross_spectra(spectra(maps, grid).unflatten(0, (-1, VIEWS)), mask)
        for maps, mask in zip(taps, masks, strict=True)
    ]
    together = {pair: torch.stack([s[pair] for s in each]).sum(0) for pair in each[0]}
    terms = [
        loss(
            response(s, label, trained, view, regularization),
            label[:, view],
            peak_height(log_scale, trained, view),
        )
        for s in (*each, together)
        for trained, view in FILTERS
    ]
    return torch.stack(terms).mean()
