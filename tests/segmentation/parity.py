"""Numbers of the original DeepMedic (TensorFlow), made for comparison: weights, inputs, outputs.

`data/deepmedic_small.npz` and `data/deepmedic_steps.npz` are of a narrow network on synthetic images; they are taken
from ../shared/reference/deepmedic, whose README says how they were made: without what can be computed from the rest
(the background's probability, averages of the rings), the two forms of momentum in one file, and of each ring only the
row that a step has written. The default network's numbers rest on an exam whose licence keeps them in ../shared.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.network import Block, DeepMedic, NetworkConfig, Pathway

SMALL = NetworkConfig(
    "small",
    (Pathway((8, 8, 10, 10)), Pathway((6, 6, 8, 8), (3, 3, 2)), Pathway((4, 5, 6, 7), (5, 5, 3))),
    residual_blocks=(4,),
    fc_channels=(24, 24),
    rolling_length=20,
)
INPUTS = ("x_norm", "x_sub0", "x_sub1")

_DATA = Path(__file__).parent / "data"
_SHARED = Path(__file__).parents[3] / "shared" / "reference" / "deepmedic"

Arrays = dict[str, np.ndarray]


def arrays(name: str) -> Arrays:
    """A file of this folder's, or of ../shared."""
    path = next((p for p in (_DATA / name, _SHARED / name) if p.exists()), None)
    if path is None:
        pytest.skip(f"{name} is not there: it lies in ../shared/reference/deepmedic")
    with np.load(path) as file:
        return dict(file)


def network(config: NetworkConfig, found: Arrays, prefix: str = "weight/") -> DeepMedic:
    """With the original's weights."""
    net = DeepMedic(config)
    state = {
        name.removeprefix(prefix): torch.from_numpy(value)
        for name, value in found.items()
        if name.startswith(prefix) and not name.endswith(("bn_mean", "bn_var"))
    }
    lacking = net.load_state_dict(state, strict=False)
    assert (lacking.missing_keys, lacking.unexpected_keys) == (["bn_ring_position"], [])
    return net.eval()


def random_network(config: NetworkConfig, seed: int = 0) -> DeepMedic:
    """All of its numbers matter: no slope, scale or shift stands where it begins."""
    generator = torch.Generator().manual_seed(seed)
    net = DeepMedic(config, generator)
    with torch.no_grad():
        for block in net.modules():
            if isinstance(block, Block) and block.is_first:
                block.in_bias.normal_(0, 0.1, generator=generator)
            elif isinstance(block, Block):
                block.bn_rolling_mean.normal_(0, 0.1, generator=generator)
                block.bn_rolling_var.uniform_(0.5, 1.5, generator=generator)
                block.bn_gamma.uniform_(0.5, 1.5, generator=generator)
                block.bn_beta.normal_(0, 0.2, generator=generator)
                block.prelu.uniform_(0, 0.3, generator=generator)
        net.softmax.bias.copy_(torch.tensor([0.1, -0.2]))
    return net.eval()
