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
    ratio = maps.shape[-1] // grid
    pooled = (functional.avg_pool2d(maps, ratio) if ratio > 1 else maps).float().contiguous()
    pooled = pooled / (pooled.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-6).sqrt()
    hann = torch.hann_window(grid, periodic=False)
    return torch.fft.rfft2(pooled * hann.view(-1, 1) * hann)


def cross_spectra(spectrum: Tensor, masks: Tensor) -> dict[tuple[int, int], Tensor]:
    """``S_ij`` (B, K, G, G/2+1) of the views (B, V, C, ..) that `responses` needs, for ``masks`` (K, C)."""
    wanted = ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))
    weights = masks.to(spectrum.dtype)
    return {(i, j): torch.einsum("kc,bchw->bkhw", weights, spectrum[:, i].conj() * spectrum[:, j]) for i, j in wanted}


def responses(s: dict[tuple[int, int], Tensor], label: Tensor, regularization: float) -> list[tuple[int, Tensor]]:
    """Responses (B, K, G, G) with the view they are for: of the filters of view 0, view 1, and of both."""
    y = torch.fft.rfft2(label).unsqueeze(2)
    energy = {i: s[i, i].real for i in (0, 1)}
    floor = {i: regularization * energy[i].mean(dim=(-2, -1), keepdim=True) for i in (0, 1)}
    num = {(i, j): y[:, i] * s[i, j] for i, j in ((0, 1), (0, 2), (1, 2))}
    den = {i: energy[i] + floor[i] for i in (0, 1)}
    spectrum = [
        (1, num[0, 1] / den[0]),
        (2, num[0, 2] / den[0]),
        (2, num[1, 2] / den[1]),
        (2, (num[0, 2] + num[1, 2]) / (den[0] + den[1])),
    ]
    size = label.shape[-2:]
    return [(view, torch.fft.irfft2(r, s=size)) for view, r in spectrum]


def loss(response: Tensor, label: Tensor) -> Tensor:
    """Squared error to the label (1 for a zero response) plus cross entropy over positions (1 for a flat).

    ``response`` is (B, K, G, G), ``label`` (B, G, G). The cross entropy sees the response over its own rms,
    because a tracker asks where the peak is, not how high.
    """
    y = label.unsqueeze(1)
    error = (response - y).square().mean(dim=(-2, -1)) / y.square().mean(dim=(-2, -1))
    logits = (response / (response.square().mean(dim=(-2, -1), keepdim=True) + 1e-8).sqrt()).flatten(2)
    target = (y / y.sum(dim=(-2, -1), keepdim=True)).flatten(2)
    entropy = -(target * torch.log_softmax(logits, dim=-1)).sum(-1) / math.log(logits.shape[-1])
    return (error + entropy).mean()


def subset_masks(channels: int, count: int, generator: torch.Generator) -> Tensor:
    """(1 + count, channels): all of them, then random subsets of a quarter to three quarters."""
    share = 0.25 + 0.5 * torch.rand((count, 1), generator=generator)
    kept = torch.rand((count, channels), generator=generator) < share
    return torch.cat([torch.ones(1, channels), kept.float()])


def head_loss(taps: tuple[Tensor, ...], label: Tensor, masks: list[Tensor], regularization: float) -> Tensor:
    """Mean loss of each tap alone and of all together, over all responses; ``taps`` hold (B * V, C, H, W)."""
    grid = label.shape[-1]
    each = [
        cross_spectra(spectra(maps, grid).unflatten(0, (-1, VIEWS)), mask)
        for maps, mask in zip(taps, masks, strict=True)
    ]
    together = {pair: torch.stack([s[pair] for s in each]).sum(0) for pair in each[0]}
    terms = [loss(r, label[:, view]) for s in (*each, together) for view, r in responses(s, label, regularization)]
    return torch.stack(terms).mean()
