"""The joint learning of projection and filter, and the projection in the exported graph."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnxruntime as ort
import pytest

from cdedge_export.graph.build import build_model
from cdedge_export.network.backbones import VGG19
from cdedge_export.network.layers import Geometry, Projection, with_projections
from cdedge_export.network.prune import full_network
from cdedge_export.network.torch_net import run
from cdedge_export.recipes.projections import block_diagonal, learn_jointly, principal
from cdedge_runtime.filter.compact import CompactFilter
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.trackers.eco.settings import EcoSettings
from cdedge_runtime.trackers.eco.tracker import Problem, problem_for
from tests.export.random_nets import random_patches, random_weights

GRID, SIZE = (16, 16), (20.0, 24.0)


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, Problem]:
    """Smooth random maps of two layers, their principal components, and the problem."""
    rng = np.random.default_rng(seed)
    maps = rng.standard_normal((10, *GRID)).astype(np.float32)
    maps = (maps + np.roll(maps, 1, 1) + np.roll(maps, 1, 2)) * hann_window(GRID) / np.float32(5)
    start = block_diagonal([principal(maps[:6], 2), principal(maps[6:], 2)])
    return maps, start, problem_for(GRID, SIZE, EcoSettings(band=1.0))


@pytest.mark.parametrize("seed", range(4))
def test_every_gauss_newton_step_lowers_the_loss(seed: int) -> None:
    losses = learn_jointly(*scene(seed)).losses
    assert len(losses) > 3
    assert all(after < before for before, after in pairwise(losses))


def test_the_loss_is_the_objective_written_out() -> None:
    """Independently in cells: correlate, compare with the label, add the penalties; float64."""
    maps, start, problem = scene()
    found = learn_jointly(maps, start, problem, steps=2)
    seen = np.einsum("cd,dhw->chw", found.projection.astype(np.float64), maps)
    spectra = np.fft.fft2(seen) * np.fft.fft2(found.weights.astype(np.float64)).conj()
    label = problem.dft.inverse(problem.label)
    error = np.fft.ifft2(spectra).real.sum(0)
    error -= error_beyond_the_band(error) + label
    penalty = (problem.ridge * found.weights.astype(np.float64) ** 2).sum()
    expected = (error**2).sum() + penalty + 1e-4 * np.square(found.projection).sum()
    assert found.losses[-1] == pytest.approx(expected, rel=1e-4)


def error_beyond_the_band(response: np.ndarray) -> np.ndarray:
    """The part of an even grid's response at Nyquist, which the transform leaves out."""
    spectrum = np.fft.fft2(response)
    kept = spectrum.copy()
    kept[8, :] = kept[:, 8] = 0
    return np.fft.ifft2(spectrum - kept).real


def test_layers_are_not_mixed() -> None:
    maps, start, problem = scene()
    found = learn_jointly(maps, start, problem, steps=2).projection
    assert not found[:2, 6:].any()
    assert not found[2:, :6].any()
    assert not np.allclose(found, start)


def test_the_joint_solution_fits_better_than_principal_components_alone() -> None:
    maps, start, problem = scene()
    found = learn_jointly(maps, start, problem)

    def error(projection: np.ndarray) -> float:
        first = problem.dft.forward(np.einsum("cd,dhw->chw", projection, maps))
        learned = CompactFilter(problem.dft, problem.label, ridge=problem.ridge, memory=1, first=first, iterations=200)
        response = learned.respond(first, problem.dft)
        return float(np.square(response - problem.dft.inverse(problem.label)).sum())

    assert error(found.projection) < 0.8 * error(start)


def test_principal_components_are_orthonormal_and_the_strongest() -> None:
    maps = scene()[0]
    rows = principal(maps, 3)
    np.testing.assert_allclose(rows @ rows.T, np.eye(3), atol=1e-5)
    strength = np.square(np.einsum("cd,dhw->chw", rows, maps)).sum((1, 2))
    values = np.linalg.eigvalsh(maps.reshape(10, -1).astype(np.float64) @ maps.reshape(10, -1).T)
    np.testing.assert_allclose(strength, values[::-1][:3], rtol=1e-4)


@pytest.mark.parametrize("power", [0.5, 1.0, 0.7])
def test_the_projection_in_the_graph_is_the_one_in_numpy(power: float) -> None:
    taps, patches = ("11", "21"), random_patches((32, 32), count=1)
    weights, rng = random_weights(VGG19, taps), np.random.default_rng(1)
    network = full_network(VGG19, weights, taps)
    matrices = {tap: rng.standard_normal((3, n)).astype(np.float32) for tap, n in (("11", 64), ("21", 128))}
    projected = with_projections(network, {tap: Projection(m, power) for tap, m in matrices.items()})
    session = ort.InferenceSession(
        build_model(projected, Geometry((32, 32), (8, 8)), {}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"patch": patches})[0]
    plain = run(network, patches, grid=(8, 8))
    expected = np.concatenate([np.einsum("qc,nchw->nqhw", m, plain[tap] ** power) for tap, m in matrices.items()], 1)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
