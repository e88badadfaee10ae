"""The command line: ``hookline``, also ``python -m hookline``.

Nothing heavy is imported here or in the modules of the commands: each command imports what it needs when it
runs, so that ``hookline --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from typing import NoReturn

from hookline.cli.group import build_cli

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
# New objects until garbage is looked for. Nearly all that is imported and built at first stays, and by
# default a tenth of the start goes into looking at it again and again.
_NEW_OBJECTS = 50_000
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main() -> None:
    """Run the command line and leave the process.

    Exit status: 0 done, 1 a call or check failed, 2 wrong usage or configuration, 130 ended by Ctrl-C.
    """
    gc.set_threshold(_NEW_OBJECTS)
    try:
        build_cli().main(prog_name="hookline")
    except KeyboardInterrupt:  # outside of any command, such as while plugins are imported
        sys.exit(EXIT_INTERRUPTED)
    except OSError as exc:  # a broken pipe ends quietly before it comes here
        if exc.errno not in _CANNOT_WRITE or exc.filename is not None:
            raise
        _leave_unprinted(exc)


def _leave_unprinted(exc: OSError) -> NoReturn:
    """End after output that could not be written, such as to a full disk."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"Error: The output cannot be written: {exc.strerror}.\n")
        sys.stderr.flush()
    # What is left in the buffers would fail once more, with a traceback, when Python ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    sys.exit(EXIT_FAILED)
