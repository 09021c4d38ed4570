"""What a map of the tumour costs: `fast` beside the original's tiling with torch's plain forward, and five networks.

Run by `make bench`. CPU-seconds, for they hardly hang on what else a machine does, and both kinds in turn in one run. A
network's numbers don't change its time, so random ones do. The exam is real where ../shared is, else an ellipsoid.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from segmentation import tiles, volumes
from segmentation.ensemble import tumour_mask
from segmentation.inference.whole_brain import EXACT_OUTPUT, Array, Mask, probabilities
from segmentation.network import COMPACT, DEFAULT, NetworkConfig
from segmentation.volumes import Volume
from tests.segmentation.parity import random_network

MEMBERS, SAMPLED, TIMES_LESS = 5, 8, 2.5
LIMIT_S = {"default": 40, "compact": 10}  # wall, on two idle cores, from NIfTI to mask
_EXAMS = Path(__file__).parents[3] / "shared" / "data" / "exams"
_SHAPE, _PLACE = (240, 240, 77), np.diag([-1.0, -1.0, 2.0, 1.0])


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write_exam(folder)
        images, brain = _read_exam(folder)
        print(f"inference: a brain of {np.count_nonzero(brain) / 1e6:.2f} million voxels at 1x1x2 mm, float32")
        for config in (DEFAULT, COMPACT):
            _compare(config, images, brain)
            _ensemble(config, folder)


def _compare(config: NetworkConfig, images: Array, brain: Mask) -> None:
    """A sample of the tiles before and after `fast`, and how many times they make up the whole."""
    net = random_network(config)
    padded, around = tiles.pad(images, config.margin), tiles.pad(brain, config.margin)
    inside = [
        start
        for start in tiles.starts(brain.shape, EXACT_OUTPUT)
        if around[tuple(slice(s, s + o + 2 * config.margin) for s, o in zip(start, EXACT_OUTPUT, strict=True))].any()
    ]
    fill = tiles.fill_of(padded)
    cuts = [tiles.cut(padded, start, EXACT_OUTPUT, config, fill) for start in inside[:: len(inside) // SAMPLED]]
    inputs = [[torch.from_numpy(np.ascontiguousarray(image))[None] for image in cut] for cut in cuts]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        net(*inputs[0])
        spent = [_cpu_s(lambda: [net(*tile) for tile in inputs])]
        fast_s = _cpu_s(lambda: probabilities([net], images, brain, precision="float32", threads=1))
        spent.append(_cpu_s(lambda: [net(*tile) for tile in inputs]))
    torch.set_num_threads(before)
    plain_s = sum(spent) / 2 / len(inputs) * len(inside)
    print(
        f"  {config.name:8} plain {plain_s:6.1f} CPU-s ({len(inside)} tiles, from {len(inputs)} of them)"
        f"   fast {fast_s:5.1f} CPU-s   {plain_s / fast_s:.1f} times less (wanted: {TIMES_LESS})"
    )


def _ensemble(config: NetworkConfig, folder: Path) -> None:
    nets = [random_network(config, seed) for seed in range(MEMBERS)]
    wall, cpu = time.perf_counter(), time.process_time()
    images, brain = _read_exam(folder)
    mask = tumour_mask(probabilities(nets, images, brain, precision="float32"))
    volumes.save(folder / "mask.nii.gz", Volume(mask.astype(np.uint8), _PLACE))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    limit = f"wanted, idle: {LIMIT_S[config.name]} s"
    print(f"  {config.name:8} five networks, NIfTI to mask: {wall:.1f} s, {cpu:.1f} CPU-s ({limit})")


def _cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _write_exam(folder: Path) -> None:
    """Z-scores at 1x1x2 mm, as the preprocessing leaves them."""
    images, brain = _real() or _ellipsoid()
    for name, image in zip(("flair", "t1c"), images, strict=True):
        values = (image - image[brain].mean()) / image[brain].std() * brain
        volumes.save(folder / f"{name}.nii.gz", Volume(values.astype(np.float32), _PLACE))
    volumes.save(folder / "brain_mask.nii.gz", Volume(brain.astype(np.uint8), _PLACE))


def _real() -> tuple[Array, Mask] | None:
    """The first exam, skull-stripped at 1 mm; two slices make one."""
    found = sorted(_EXAMS.glob("*/flair.nii.gz"))
    if not found:
        return None
    pair = [volumes.load(found[0].with_name(f"{name}.nii.gz")).array.astype(np.float32) for name in ("flair", "t1c")]
    images = np.stack([(image[..., :-1:2] + image[..., 1::2]) / 2 for image in pair])
    return images, images[1] > 0


def _ellipsoid() -> tuple[Array, Mask]:
    apart = sum(
        ((axis - c) / r) ** 2 for axis, c, r in zip(np.indices(_SHAPE), (119, 131, 38), (68, 88, 33), strict=True)
    )
    return np.random.default_rng(0).normal(size=(2, *_SHAPE)).astype(np.float32), np.asarray(apart < 1)


def _read_exam(folder: Path) -> tuple[Array, Mask]:
    flair, t1c, brain = (volumes.load(folder / f"{name}.nii.gz").array for name in ("flair", "t1c", "brain_mask"))
    return np.stack([flair, t1c]), brain > 0


if __name__ == "__main__":
    main()
