"""The command line of the coordinator and the analyst; without a command it opens the window."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from segmentation.errors import StudyError

MANUAL = """\
Run a blinded reader study of segmentations. Without a command, `study-admin` opens its window, which does all of this.
"""

DETAILS = """\
a study from the first to the last step
  study-admin new --example study.toml                                   then edit study.toml
  study-admin new STUDY --design study.toml --exams EXAMS                checks everything first
  study-admin open STUDY                                                 draws, seals, prints the commitment
  study-admin export STUDY --mail                                        one file per reader to send
  study-admin progress STUDY                                             who is how far
  study-admin collect STUDY results-*.json                               verified, each once
  study-admin lock STUDY
  study-admin unblind STUDY
  study-admin report STUDY                                               one page that reads like a results section
  study-admin tables STUDY                                               for R, SPSS, SAS, JASP, Excel, Python

without a study
  study-admin power                                                      how many readers and exams it takes
  study-admin rehearse --out rehearsal                                   a study with simulated readers, as a trial
  study-admin report --scores FILE.csv --out DIR                         the same report of a table of scores

exit status
  0    done
  1    `regenerate`: the two allocations differ
  2    something is wrong, one line a problem
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; a known problem is one sentence on stderr and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    interrupted = ""
    try:
        if not given or (len(given) == 1 and Path(given[0]).is_dir()):
            return _window(Path(given[0]) if given else None)
        options = _parser().parse_args(given)
        interrupted = options.interrupted
        code = int(options.run(options) or 0)
        sys.stdout.flush()  # here and not at the very end, where a broken pipe can't be caught
        return code
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f'The package {error.name} is not installed. Install it: pip install "blindread[admin]"', file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `study-admin audit STUDY | head`
        return 141
    except KeyboardInterrupt:
        print(interrupted or "Interrupted.", file=sys.stderr)
        return 130


def _window(folder: Path | None) -> int:
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not has_screen:
        remedy = "Use its commands; `study-admin --help` lists them in order."
        raise StudyError("There is no screen here for the window.", remedy=remedy)
    from study_admin.views.application import run  # Qt takes a moment that no command needs

    return run(folder)


def _parser() -> argparse.ArgumentParser:
    from study_admin.demo_command import add_demo
    from study_admin.package_command import add_package
    from study_admin.power_command import add_power
    from study_admin.rehearse_command import add_rehearse
    from study_admin.report_command import add_report
    from study_admin.study_commands import add_study_commands

    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("study-admin", description=MANUAL, epilog=DETAILS, formatter_class=style)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_study_commands(commands)
    add_report(commands)
    add_power(commands)
    add_rehearse(commands)
    add_package(commands)
    add_demo(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
