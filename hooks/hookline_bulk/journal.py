"""What was begun, beside the results: so that nothing is paid for twice after a crash.

The journal of ``out.jsonl`` is ``out.jsonl.journal``: a first line that says what is run over which file,
then lines with rows that are about to be sent (``begun``: pairs of row and attempt) or that were not sent
after all (``freed``: rows). A line is on the disk before the rows that it names are sent. What became of a
row stands in the results.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import orjson

from hookline.cli.messages import CommandError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_bulk.row_states import RowStates

_VERSION = 1
_CHANGED = {
    "action": "for another action",
    "input": "from another file, or that file has been changed",
    "mapping": "with other --map, --set, --template or --id options",
}


class Journal:
    """The journal of one file of results; nobody else can open it meanwhile.

    Args:
        path: Where it is.
        plan: What is run over which file: ``action``, ``input`` and ``mapping``.
        states: Gets what the journal holds.

    Raises:
        CommandError: If it belongs to another plan, is used by another process, or cannot be used.
    """

    def __init__(self, path: Path, plan: JsonObject, states: RowStates) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("a+b", buffering=0)
        except OSError as exc:
            raise CommandError(f"{str(path)!r} cannot be written: {exc.strerror}.") from exc
        try:
            _lock(self._file, path)
            content_end = cut_torn_line(self._file)
            self.is_new = not content_end
            self.run_id = self._begin(plan) if self.is_new else self._read(plan, states)
        except BaseException:
            self._file.close()
            raise

    def begin(self, attempts: Sequence[tuple[int, int]]) -> None:
        """Put down which attempts at which rows are about to be made, for good, before they are."""
        self._write({"begun": list(attempts)}, sync=True)

    def free(self, numbers: Sequence[int]) -> None:
        """Put down that rows were refused before anything was sent for them."""
        self._write({"freed": list(numbers)}, sync=False)

    def close(self) -> None:
        """Let others have it."""
        self._file.close()

    def _begin(self, plan: JsonObject) -> str:
        run_id = secrets.token_hex(8)
        self._write({"journal": _VERSION, "run": run_id, **plan}, sync=True)
        return run_id

    def _read(self, plan: JsonObject, states: RowStates) -> str:
        self._file.seek(0)
        first, run_id = True, ""
        with open(os.dup(self._file.fileno()), "rb") as source:
            for line in source:
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as exc:
                    raise self._unreadable() from exc
                if not isinstance(entry, dict):
                    raise self._unreadable()
                if first:
                    run_id, first = self._check(entry, plan), False
                try:
                    for number, attempt in entry.get("begun", ()):
                        states.begin(number, attempt)
                    for number in entry.get("freed", ()):
                        states.free(number)
                except (TypeError, ValueError) as exc:
                    raise self._unreadable() from exc
        return run_id

    def _check(self, entry: JsonObject, plan: JsonObject) -> str:
        if entry.get("journal") != _VERSION or not isinstance(entry.get("run"), str):
            raise self._unreadable()
        kept = orjson.loads(orjson.dumps(plan))
        for name, how in _CHANGED.items():
            if entry.get(name) != kept[name]:
                raise CommandError(
                    f"The results beside {self.path.name!r} were made {how}, so this run cannot go on there.",
                    hint="Choose another --out, or go on with what it was begun with.",
                )
        return str(entry["run"])

    def _unreadable(self) -> CommandError:
        return CommandError(
            f"{str(self.path)!r} is not a journal that this version can read.", hint="Choose another --out."
        )

    def _write(self, entry: JsonObject, *, sync: bool) -> None:
        try:
            self._file.write(orjson.dumps(entry) + b"\n")
            if sync:
                os.fsync(self._file.fileno())
        except OSError as exc:
            raise CommandError(f"{str(self.path)!r} cannot be written: {exc.strerror}.") from exc


def cut_torn_line(file: BinaryIO) -> int:
    """Remove what a crash left of a last line, and return the length of what is left."""
    end = file.seek(0, os.SEEK_END)
    whole, at = 0, end
    while at > 0 and not whole:
        begin = max(0, at - 65536)
        file.seek(begin)
        block = file.read(at - begin)
        found = block.rfind(b"\n")
        if found >= 0:
            whole = begin + found + 1
        at = begin
    if whole != end:
        file.truncate(whole)
    file.seek(whole)
    return whole


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # where there is none, nobody is kept out
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise CommandError(
            f"Another process writes to the results beside {path.name!r}.", hint="Wait until it has ended."
        ) from exc
