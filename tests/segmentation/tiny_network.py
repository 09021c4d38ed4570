"""A network that trains in seconds, in place of the compact one."""

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
