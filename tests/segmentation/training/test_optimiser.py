"""Three steps of training beside the original's, with its cost: optimiser, loss and batch statistics together."""

import dataclasses

import numpy as np
import pytest
import torch

from segmentation.network import DeepMedic, NetworkConfig, Pathway
from segmentation.training.loss import cross_entropy, penalty, soft_dice_loss
from segmentation.training.optimiser import RMSProp
from tests.segmentation.parity import INPUTS, SMALL, Arrays, arrays, network

# as the reference's README asks: the original's own batch moments are off by about 1e-5
_PARAMETERS_WITHIN = (2e-5, 5e-5, 3e-4)
_MOMENTS_WITHIN = (1e-4, 5e-4, 1e-3)  # of the statistics' own size


@pytest.mark.parametrize("form", ["plain", "normalised"])
def test_three_steps_of_the_original(form: str) -> None:
    found = arrays("deepmedic_steps.npz")
    net = network(dataclasses.replace(SMALL, fc_dropout=(0.0, 0.0, 0.0)), found, "before/").train()
    optimiser = RMSProp(net.parameters(), is_normalised=form == "normalised")
    for step in range(3):
        cost = _step(net, optimiser, found, step)
        assert cost == pytest.approx(found[f"{form}/total_cost"][step], abs=5e-5)
        _compare(net, found, f"{form}/after{step + 1}/", step)


def _step(net: DeepMedic, optimiser: RMSProp, found: Arrays, step: int) -> float:
    optimiser.zero_grad()
    logits = net(*(torch.from_numpy(found[name][step]) for name in INPUTS))
    cost = cross_entropy(logits, torch.from_numpy(found["y"][step])) + penalty(net, 1e-6, 1e-4)
    cost.backward()
    optimiser.step()
    return cost.item()


def _compare(net: DeepMedic, found: Arrays, prefix: str, step: int) -> None:
    state = net.state_dict()
    for name in (name for name in found if name.startswith(prefix)):
        ours, theirs = state[name.removeprefix(prefix)].numpy(), found[name]
        if "rolling" not in name:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=_PARAMETERS_WITHIN[step], err_msg=name)
            continue
        size = np.sqrt(found[name.replace("_mean", "_var")])  # a mean may be near 0: the spread is its measure
        np.testing.assert_allclose(
            ours[step] / size, theirs / size, rtol=_MOMENTS_WITHIN[step], atol=_MOMENTS_WITHIN[step], err_msg=name
        )
        if step == 0 and name.endswith("var") and "/fc." in name:  # unbiased would be 1.9e-4 more
            np.testing.assert_allclose(ours[0], theirs, rtol=5e-5, err_msg=name)


def test_one_step_by_hand() -> None:
    """g = 2: a = 0.1 · 4; d = 0.001 · 2 / √(0.4 + 0.0001); v = -d; w = 1 + 0.6 v - d = 1 - 1.6 d."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimiser = RMSProp([weight])
    cost = optimiser.step(lambda: _doubled(weight))
    assert cost == 2
    assert weight.item() == pytest.approx(1 - 1.6 * 0.002 / 0.4001**0.5, abs=1e-7)


def test_what_has_no_gradient_stays() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    RMSProp([weight]).step()
    assert weight.item() == 1


def test_cross_entropy_by_hand() -> None:
    """Logits 0 and ln 3 give probabilities 1/4 and 3/4; a class that is held impossible costs -ln(1e-6)."""
    logits = torch.tensor([[0.0, 0.0, 1000.0], [np.log(3), np.log(3), 0.0]], dtype=torch.float32)
    labels = torch.tensor([0, 1, 1], dtype=torch.uint8)
    expected = -(np.log(0.25 + 1e-6) + np.log(0.75 + 1e-6) + np.log(1e-6)) / 3
    cost = cross_entropy(logits.view(1, 2, 3, 1, 1), labels.view(1, 3, 1, 1))
    assert cost.item() == pytest.approx(expected, rel=1e-5)


def test_soft_dice_loss_by_hand() -> None:
    """Probabilities 3/4, 1/4 in tumour and 1/4, 0 beside it, over two segments: 1 - 2 · 1 / (1.25 + 2)."""
    three = np.log(3)
    logits = torch.tensor([[[0, three], [three, 0]], [[three, 1000], [0, 0]]], dtype=torch.float32)
    labels = torch.tensor([[1, 1], [0, 0]], dtype=torch.uint8)
    cost = soft_dice_loss(logits.view(2, 2, 2, 1, 1), labels.view(2, 2, 1, 1))
    assert cost.item() == pytest.approx(1 - 2 / 3.25, rel=1e-5)


def test_soft_dice_loss_of_segments_without_tumour_is_finite() -> None:
    logits = torch.zeros(1, 2, 2, 1, 1)
    logits[:, 0] = 1000.0
    assert soft_dice_loss(logits, torch.zeros(1, 2, 1, 1)).item() == 1


def test_penalty_is_of_kernels_only() -> None:
    config = NetworkConfig(
        "tiny", (Pathway((1, 1)),), residual_blocks=(), fc_channels=(1,), fc_residual_blocks=(), fc_dropout=(0, 0)
    )
    net = DeepMedic(config)
    for parameter in net.parameters():
        parameter.data.fill_(-2)
    count = 27 * (2 + 1) + 27 + 2  # two pathway kernels, a 3x3x3 FC kernel, the classification
    assert penalty(net, 0.1, 0.01).item() == pytest.approx(count * (0.1 * 2 + 0.01 * 4))


def _doubled(weight: torch.nn.Parameter) -> float:
    cost = 2 * weight.sum()
    cost.backward()
    return cost.item()
