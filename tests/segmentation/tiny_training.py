"""`segmentation train` with the tiny network: a program of its own, so that it can be killed."""

import sys

if __name__ == "__main__":  # the processes it starts import this file, too, and need none of it
    from segmentation import __main__ as program
    from segmentation import network
    from segmentation.commands import train
    from tests.segmentation.tiny_network import TINY

    network.CONFIGS["compact"] = TINY
    program._COMMANDS = (train,)  # type: ignore[assignment]
    sys.exit(program.main(sys.argv[1:]))
