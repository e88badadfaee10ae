"""The file of results: one line of JSON for each row, added as rows are finished."""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import orjson

from hookline.cli.messages import CommandError
from hookline_bulk.journal import cut_torn_line

if TYPE_CHECKING:
    from hookline_bulk.row_states import RowStates
    from hookline_bulk.runners import RowReply

_SYNC_EVERY = 200
_MOST_ROWS = 10**9


class ResultFile:
    """Adds results; what an earlier run has put down is kept.

    Args:
        path: Where it is.
        states: Gets which rows have a result.

    Attributes:
        cost_nano_usd: What the rows in it have cost, as far as it is known.

    Raises:
        CommandError: If it cannot be used, or holds something else.
    """

    def __init__(self, path: Path, states: RowStates) -> None:
        self.path = path
        self.cost_nano_usd = 0
        self._states = states
        self._unsynced = 0
        self._has_replaced = False
        try:
            self._file: BinaryIO = path.open("a+b")
        except OSError as exc:
            raise CommandError(f"--out: {str(path)!r} cannot be written: {exc.strerror}.") from exc
        try:
            cut_torn_line(self._file)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def add(self, number: int, attempt: int, id: object, reply: RowReply) -> None:
        """Add the result of an attempt at a row."""
        parts = [b'{"row":%d,"attempt":%d' % (number, attempt)]
        if id is not None:
            parts.append(b',"id":' + orjson.dumps(id))
        name = b"output" if reply.is_success else b"error"
        parts.append(b',"status":%d,"%s":' % (reply.status, name))
        parts.append(reply.content.replace(b"\n", b" ") or b"null")  # between values; in texts it is escaped
        parts.append(b',"usage":' + orjson.dumps(reply.usage))
        cost = None if reply.cost_nano_usd is None else reply.cost_nano_usd / 1e9
        parts.append(b',"cost_usd":' + orjson.dumps(cost) + b"}\n")
        try:
            self._file.write(b"".join(parts))
        except OSError as exc:
            raise CommandError(f"--out: {str(self.path)!r} cannot be written: {exc.strerror}.") from exc
        self._has_replaced = self._has_replaced or attempt > 1
        self._states.finish(number, attempt, is_success=reply.is_success)
        self.cost_nano_usd += reply.cost_nano_usd or 0
        self._unsynced += 1

    def flush(self) -> None:
        """Hand over to the system what was added; to the disk every now and then."""
        try:
            self._file.flush()
            if self._unsynced >= _SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._unsynced = 0
        except OSError as exc:
            raise CommandError(f"--out: {str(self.path)!r} cannot be written: {exc.strerror}.") from exc

    def close(self, *, in_order: bool) -> None:
        """Put all of it on the disk.

        Args:
            in_order: Whether to sort the lines by row; the last one of a row is kept either way.
        """
        sorted_file: Path | None = None
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
                if in_order or self._has_replaced:
                    sorted_file = self._rewrite(in_order=in_order)
            if sorted_file is not None:
                os.replace(sorted_file, self.path)
        except OSError as exc:
            raise CommandError(f"--out: {str(self.path)!r} cannot be written: {exc.strerror}.") from exc

    def _read(self) -> None:
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            try:
                entry = orjson.loads(line)
                row, attempt, status = entry["row"], entry["attempt"], entry["status"]
                is_success = 200 <= status < 300
                if not 0 < row < _MOST_ROWS or not 0 < attempt < 256:
                    raise ValueError
                cost = entry.get("cost_usd") or 0
                self.cost_nano_usd += round(cost * 1e9)
                self._has_replaced = self._has_replaced or attempt > 1
                self._states.finish(row, attempt, is_success=is_success)
            except (KeyError, TypeError, ValueError, AttributeError) as exc:
                raise CommandError(
                    f"--out: line {number} of {str(self.path)!r} is no result of this command.",
                    hint="Choose another --out.",
                ) from exc

    def _rewrite(self, *, in_order: bool) -> Path | None:
        """Write another file with one line for each row; None if there is nothing to change."""
        places = array("q")
        is_sorted, last = True, 0
        self._file.seek(0)
        at = 0
        for line in self._file:
            row = orjson.loads(line)["row"]
            if row >= len(places):
                places.extend([-1] * (row + 1 - len(places)))
            is_sorted = is_sorted and row > last
            last = row
            places[row] = at
            at += len(line)
        if is_sorted:
            return None
        kept = [place for place in places if place >= 0] if in_order else sorted(p for p in places if p >= 0)
        other = self.path.with_name(self.path.name + ".sorting")
        with other.open("wb") as target:
            for place in kept:
                self._file.seek(place)
                target.write(self._file.readline())
            target.flush()
            os.fsync(target.fileno())
        return other
