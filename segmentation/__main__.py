"""The command line `segmentation`: from raw MRI to the ensemble's masks, and exams with a known truth."""

import argparse
import sys
from collections.abc import Sequence

from segmentation.commands import atlas, calibrate, consensus, evaluate, phantom, predict, preprocess, train, view
from segmentation.errors import StudyError

_INSTALL = 'Install it with: pip install "blindread[segmentation]"'
_COMMANDS = (preprocess, consensus, train, predict, evaluate, calibrate, atlas, view, phantom)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 1 if some exams failed, 2 with a line on stderr for a StudyError."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except StudyError as error:
        print(f"segmentation: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"segmentation: The package {error.name} is not installed. {_INSTALL}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="segmentation", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
