"""Whole images: `exact` against the original's maps, `fast` against one tile as large as the image."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from segmentation import tiles
from segmentation.inference import whole_brain, winograd
from segmentation.inference.folded import Target
from segmentation.inference.whole_brain import Array, Each, Mask, probabilities
from segmentation.network import COMPACT, DEFAULT, DeepMedic, NetworkConfig, Pathway
from tests.segmentation.parity import SMALL, arrays, network, random_network

_CPU = torch.device("cpu")
_UNEVEN = NetworkConfig(  # filled-up channels, a growing residual, 1x1x1 kernels, no factor along z
    "uneven",
    (Pathway((5, 6, 17, 18)), Pathway((4, 4, 5, 5), (4, 2, 1))),
    residual_blocks=(3, 4),
    fc_channels=(20, 30),
    fc_kernel=1,
)


@pytest.mark.parametrize("with_roi", [True, False])
def test_whole_volume_of_the_original(with_roi: bool) -> None:
    """64 tiles (25, 25, 22) → (17, 17, 14); with a brain mask, tiles without any brain are left out."""
    found = arrays("deepmedic_small.npz")
    roi = found["volume/roi"] > 0
    expected = found["volume/prob_roi" if with_roi else "volume/prob_noroi"]
    brain = roi if with_roi else np.ones_like(roi)
    net = network(SMALL, found)
    ours = whole_brain.exact([net], found["volume/input"], brain, Each(), (17, 17, 14))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_whole_exam_of_the_original() -> None:
    """The default network on a brain of 0.75 million voxels at 1x1x2 mm: 131 tiles of 45³."""
    exam, weights = arrays("default_volume_112.npz"), arrays("default.npz")
    ours = probabilities([network(DEFAULT, weights)], exam["volume/input"], exam["volume/roi"] > 0, mode="exact")
    np.testing.assert_allclose(ours, exam["volume/prob_roi"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("config", [SMALL, _UNEVEN, COMPACT, dataclasses.replace(SMALL, is_centred=True)])
def test_fast_is_one_tile_as_large_as_the_image(config: NetworkConfig) -> None:
    net = random_network(config)
    images, brain = _ball((41, 47, 33), centre=(18, 25, 17), radii=(14, 17, 15))
    ours = probabilities([net], images, brain, precision="float32")
    expected = _one_tile(net, images)
    assert expected[brain].std() > 0.1  # there is something to compare
    np.testing.assert_allclose(ours[brain], expected[brain], rtol=0, atol=2e-5)
    assert not ours[~brain].any()


def test_fast_at_the_borders_of_the_image() -> None:
    """A brain that reaches every border, in an image with an axis of a single voxel."""
    net = random_network(SMALL)
    images, _ = _ball((23, 1, 18), centre=(11, 0, 9), radii=(30, 30, 30))
    ours = probabilities([net], images, precision="float32")
    np.testing.assert_allclose(ours, _one_tile(net, images), rtol=0, atol=2e-5)


def test_fast_in_two_pieces_and_from_another_box() -> None:
    """What is computed doesn't hang on what else is: a brain with a gap, and a corner of it alone."""
    net = random_network(SMALL)
    images, brain = _ball((50, 52, 30), centre=(24, 26, 15), radii=(22, 24, 13))
    brain[:, 20:38] = False
    whole = probabilities([net], images, brain, precision="float32")
    corner = brain.copy()
    corner[:, :38] = corner[:20] = False
    part = probabilities([net], images, corner, precision="float32")
    assert corner.any()
    np.testing.assert_allclose(part[corner], whole[corner], rtol=0, atol=1e-5)


def test_members_are_averaged_and_threads_change_nothing() -> None:
    nets = [random_network(SMALL, seed) for seed in (1, 2, 3)]
    images, brain = _ball((31, 33, 30), centre=(15, 16, 14), radii=(12, 13, 12))
    told: list[float] = []
    before = torch.get_num_threads()
    ours = probabilities(nets, images, brain, threads=1, progress=told.append)
    alone = np.mean([probabilities([net], images, brain, threads=1) for net in nets], 0)
    np.testing.assert_allclose(ours, alone, rtol=0, atol=1e-6)
    assert np.array_equal(ours, probabilities(nets, images, brain, threads=3))
    exact = [probabilities(nets[:1], images, brain, threads=n, mode="exact") for n in (1, 3)]
    assert np.array_equal(*exact)
    assert told == sorted(told)
    assert told[-1] == 1
    assert torch.get_num_threads() == before


def test_no_brain() -> None:
    images, brain = _ball((20, 20, 20), centre=(10, 10, 10), radii=(5, 5, 5))
    assert not probabilities([random_network(SMALL)], images, brain & False).any()


def test_bfloat16_is_nearly_the_same_and_the_check_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_network(SMALL)
    images, brain = _ball((31, 33, 30), centre=(15, 16, 14), radii=(12, 13, 12))
    whole, half = Target(_CPU, torch.float32), Target(_CPU, torch.bfloat16)
    half_precise = probabilities([net], images, brain, precision="bfloat16")
    apart = np.abs(half_precise - probabilities([net], images, brain, precision="float32"))[brain]
    assert 1e-5 < apart.mean() < 0.005  # another arithmetic, and yet the same network
    assert whole_brain.agrees(net, images, brain, half, whole)
    monkeypatch.setattr(whole_brain, "_MEAN_CHANGE", apart.mean() / 10)
    assert not whole_brain.agrees(net, images, brain, half, whole)


def test_bfloat16_only_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_network(SMALL)
    images, brain = _ball((20, 20, 20), centre=(10, 10, 10), radii=(5, 5, 5))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for abilities, expected in (({}, torch.float32), ({"avx512_bf16": True}, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=abilities: found)
        assert whole_brain.choose(net, images, brain, "auto").dtype == expected
    assert whole_brain.choose(net, images, brain, "float32").dtype == torch.float32


def test_winograd_is_a_convolution() -> None:
    """Against torch's own, in double precision."""
    generator = torch.Generator().manual_seed(0)
    planes, kernel, bias = (torch.randn(shape, generator=generator) for shape in ((6, 9, 11, 5), (7, 5, 3, 3, 3), (7,)))
    expected = functional.conv3d(planes.permute(3, 0, 1, 2).double()[None], kernel.double(), bias.double())
    ours = winograd.convolve(planes, winograd.prepare(kernel), bias)
    np.testing.assert_allclose(ours.permute(3, 0, 1, 2), expected[0], rtol=0, atol=5e-5)


def _ball(shape: tiles.Voxel, *, centre: tiles.Voxel, radii: tiles.Voxel) -> tuple[Array, Mask]:
    """Two images of noise with coarse and fine detail, 0 outside the brain."""
    rng = np.random.default_rng(5)
    coarse = rng.normal(size=(2, *(-(-size // 6) for size in shape))).repeat(6, 1).repeat(6, 2).repeat(6, 3)
    images = coarse[:, : shape[0], : shape[1], : shape[2]] + rng.normal(0, 0.5, (2, *shape))
    apart = sum(((axis - c) / r) ** 2 for axis, c, r in zip(np.indices(shape), centre, radii, strict=True))
    brain = np.asarray(apart < 1)
    return (images * brain).astype(np.float32), brain


def _one_tile(net: DeepMedic, images: Array) -> Array:
    """The plain network on the whole image, with real neighbours for the FC kernel and grids that keep their phase."""
    config = net.config
    halo = config.fc_kernel // 2
    padded = tiles.pad(images, config.margin + halo)
    fill = tiles.fill_of(padded)
    with torch.inference_mode():
        maps = [net._run("norm", torch.from_numpy(padded)[None], config.residual_blocks)]
        for name, factor in zip(net.pathway_names[1:], config.factors, strict=True):
            counts = [-(-s // f) + 2 * (config.margin + halo) for s, f in zip(images.shape[1:], factor, strict=True)]
            first = tiles.first_of_grid((0, 0, 0), config, factor)
            first = tuple(low + halo - f * halo for low, f in zip(first, factor, strict=True))
            low = torch.from_numpy(tiles.every(padded, first, counts, factor, fill))[None]
            low = net._run(name, low, config.residual_blocks)
            for axis, f in enumerate(factor, 2):
                low = low.repeat_interleave(f, axis).narrow(axis, f * halo - halo, maps[0].shape[axis])
            maps.append(low)
        logits = net._run("fc", torch.cat(maps, 1), config.fc_residual_blocks) + net.softmax.bias.view(-1, 1, 1, 1)
    x, y, z = (slice(halo, size + halo) for size in images.shape[1:])
    return logits.softmax(1)[0, 1, x, y, z].numpy()
