"""The command line: ``hookline``, also ``python -m hookline``.

Nothing heavy is imported here or in the modules of the commands: each command imports what it needs when it
runs, so that ``hookline --help`` answers at once.
"""

from __future__ import annotations

import sys

from hookline.cli.group import build_cli

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave the process.

    Exit status: 0 done, 1 a call or check failed, 2 wrong usage or configuration, 130 ended by Ctrl-C.
    """
    try:
        build_cli().main(prog_name="hookline")
    except KeyboardInterrupt:  # outside of any command, such as while plugins are imported
        sys.exit(EXIT_INTERRUPTED)
