"""The network against the original's numbers, and the rules that no inference shows."""

import numpy as np
import pytest
import torch

from segmentation.network import COMPACT, DEFAULT, DeepMedic, NetworkConfig, Pathway
from tests.segmentation.parity import INPUTS, SMALL, arrays, network


@pytest.mark.parametrize(
    ("file", "config", "logits_within", "within"),
    [("deepmedic_small.npz", SMALL, 1e-5, 1e-6), ("default.npz", DEFAULT, 1e-3, 1e-5)],
    ids=["small", "default"],
)
def test_tiles_of_the_original(file: str, config: NetworkConfig, logits_within: float, within: float) -> None:
    """In a corner, in the middle and at the far end; with even and unequal factors and a shrinking residual (small)."""
    found = arrays(file)
    with torch.inference_mode():
        logits = network(config, found)(*(torch.from_numpy(found[f"tiles/{name}"]) for name in INPUTS))
    np.testing.assert_allclose(logits, found["tiles/logits"], rtol=0, atol=logits_within)
    np.testing.assert_allclose(logits.softmax(1), found["tiles/prob"], rtol=0, atol=within)


def test_size_of_the_default_network() -> None:
    """deepmedic.md, section 2: 3 pathways of 310,232, FC part 1,077,450, two class biases."""
    assert _parameters(DeepMedic(DEFAULT)) == 3 * 310_232 + 1_077_450 + 2 == 2_008_148


def test_size_of_the_compact_network() -> None:
    """By hand: 8 blocks of 16 maps, twice 8 blocks of 32, an FC block of 96."""
    kernels = 27 * (2 * 16 + 7 * 16 * 16) + 2 * 27 * (2 * 32 + 7 * 32 * 32)
    activations = 3 * 7 * (16 + 32 + 32)  # gamma, beta, slope of what each block but the first takes in
    fully_connected = 80 * 96 + 96 * 2 + 3 * (80 + 96)
    biases = 3 * 2 + 2  # of the images in three pathways, of the classes
    assert _parameters(DeepMedic(COMPACT)) == kernels + activations + fully_connected + biases == 449_864


def test_output_sizes() -> None:
    """deepmedic.md, section 1: an input of 45 gives 29; the subsampled pathways take 26 and 22."""
    with torch.inference_mode():
        logits = DeepMedic(COMPACT).eval()(*(torch.zeros(1, 2, n, n, n) for n in (45, 26, 22)))
    assert logits.shape == (1, 2, 29, 29, 29)
    assert COMPACT.receptive_field == 17


def test_dropout_is_not_made_up_for_in_training() -> None:
    """The original multiplies by 0 or 1 in training and by 1 - rate in inference."""
    net = DeepMedic(DEFAULT).fc[2]
    net.conv.data.fill_(1)
    x = torch.ones(1, 250, 8, 8, 8)
    row = torch.zeros(1, dtype=torch.int64)
    net.train()
    net.bn_gamma.data.fill_(0)
    net.bn_beta.data.fill_(1)  # so that all that reaches the dropout is 1
    outcome = net(x, row)[0, 0]
    assert torch.equal(outcome, outcome.round())
    assert outcome.mean().item() == pytest.approx(125, abs=3)
    assert net.eval()(x, row)[0, 0, 0, 0, 0].item() == 125


def test_statistics_of_the_last_batches() -> None:
    """A ring of rows: the third batch of a ring of two replaces the first; variance is biased (hand arithmetic)."""
    config = NetworkConfig(
        "tiny", (Pathway((1, 1)),), residual_blocks=(), fc_channels=(1,), fc_residual_blocks=(), fc_dropout=(0, 0),
        rolling_length=2,
    )  # fmt: skip
    net = DeepMedic(config).train()
    net.norm[0].conv.data.zero_()
    net.norm[0].conv.data[0, 0, 1, 1, 1] = 1  # passes the first image on
    block = net.norm[1]
    for low, high in ((0.0, 2.0), (1.0, 5.0), (2.0, 10.0)):
        image = torch.full((1, 2, 7, 7, 7), high)
        image[:, :, :3] = low
        image[:, :, 3] = (low + high) / 2
        net(image)
    # the middle 5 planes of 7: two low, one half way, two high → mean half way, variance (2 d² + 2 d²) / 5
    assert block.bn_rolling_mean.flatten().tolist() == pytest.approx([6, 3])
    assert block.bn_rolling_var.flatten().tolist() == pytest.approx([4 / 5 * 4**2, 4 / 5 * 2**2])
    assert net.bn_ring_position.item() == 3


def test_what_no_network_can_be() -> None:
    with pytest.raises(ValueError, match="different depth"):
        NetworkConfig("uneven", (Pathway((4, 4)), Pathway((4, 4, 4), (3, 3, 3))), residual_blocks=())
    with pytest.raises(ValueError, match="begin at 3"):
        NetworkConfig("early", (Pathway((4, 4)),), residual_blocks=(2,))
    with pytest.raises(ValueError, match="dropout"):
        NetworkConfig("rates", (Pathway((4, 4)),), residual_blocks=(), fc_dropout=(0.5,))


def test_the_same_generator_gives_the_same_network() -> None:
    one, same, other = (DeepMedic(SMALL, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.norm[3].conv, same.norm[3].conv)
    assert not torch.equal(one.norm[3].conv, other.norm[3].conv)
    expected = (2 / (8 * 27)) ** 0.5  # He et al. 2015: √(2 / number of inputs)
    assert one.norm[1].conv.std().item() == pytest.approx(expected, rel=0.05)


def _parameters(net: DeepMedic) -> int:
    return sum(parameter.numel() for parameter in net.parameters())
