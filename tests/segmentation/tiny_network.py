"""A network that trains in seconds, in place of the compact one; run as a program, `segmentation train` with it."""

import sys

from segmentation import network
from segmentation.network import NetworkConfig, Pathway

TINY = NetworkConfig(
    "compact",
    tuple(Pathway((4, 4, 6, 6), (factor, factor, factor)) for factor in (1, 3, 5)),
    residual_blocks=(4,),
    fc_channels=(8,),
    fc_kernel=1,
    fc_residual_blocks=(),
    fc_dropout=(0.0, 0.5),  # so that its random numbers are on trial, too
    rolling_length=5,
    is_centred=True,
)

if __name__ in ("__main__", "__mp_main__"):  # the second in the processes that the first one starts
    network.CONFIGS["compact"] = TINY

if __name__ == "__main__":
    from segmentation import __main__ as program
    from segmentation.commands import train

    program._COMMANDS = (train,)  # type: ignore[assignment]
    sys.exit(program.main(sys.argv[1:]))
