"""Reading rows from a file, one after another, whatever its size: CSV, TSV, or one JSON object a line."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO

import orjson

from hookline.cli.messages import CommandError

if TYPE_CHECKING:
    from hookline.action import JsonObject

Format = Literal["csv", "jsonl"]

_SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"
}  # fmt: skip
_TABS = (".tsv", ".tab")
_BLOCK_BYTES = 1024 * 1024
_MOST_CELL_CHARACTERS = 16 * 1024 * 1024
_MOST_LINE_BYTES = 64 * 1024 * 1024
_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        number: 1 for the first row below the headings.
        line: Line of the file where it ends.
        values: What it holds, by column.
    """

    number: int
    line: int
    values: JsonObject = field(repr=False)


class RowFile:
    """A file with rows; each iteration reads it from its beginning.

    Args:
        path: Where it is.
        format: Its format; by the end of its name if not given.
        delimiter: What stands between the cells of a CSV file; by the end of its name and its headings if
            not given.

    Raises:
        CommandError: If the file cannot be read, or its format is not known.
    """

    def __init__(self, path: Path, *, format: Format | None = None, delimiter: str | None = None) -> None:
        self.path = path
        known = format or _SUFFIXES.get(path.suffix.lower())
        if known is None:
            raise CommandError(
                f"--in: the format of {path.name!r} is not known.",
                hint="Name it .csv, .tsv or .jsonl, or say --format csv or --format jsonl.",
            )
        self.format: Format = known
        self._check_bytes()
        self.columns: list[str] | None = None
        self.delimiter = ""
        if self.format == "csv":
            self.delimiter = delimiter or self._guess_delimiter()
            self.columns = self._read_headings()

    def fingerprint(self) -> JsonObject:
        """Return what tells whether it is the same file: its size and a digest."""
        digest, size = hashlib.sha256(), 0
        with self._open_bytes() as source:
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
        return {"size": size, "sha256": digest.hexdigest()}

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows.

        Raises:
            CommandError: If one cannot be read; names the row, and the column where there is one.
        """
        return self._csv_rows() if self.format == "csv" else self._json_rows()

    def _csv_rows(self) -> Iterator[Row]:
        assert self.columns is not None
        number = 0
        with self._open_text() as source:
            reader = csv.reader(source, delimiter=self.delimiter, strict=True)
            try:
                next(reader, None)
                for cells in reader:
                    if not cells:
                        continue
                    number += 1
                    where = f"{self.path.name}, row {number} (line {reader.line_num})"
                    if any(cells[len(self.columns) :]):
                        raise CommandError(
                            f"{where} has {len(cells)} cells, and there are {len(self.columns)} columns.",
                            hint=f"Put a cell that holds {self.delimiter!r} between double quotes.",
                        )
                    values: JsonObject = {}
                    for name, cell in zip(self.columns, cells, strict=False):
                        if name:
                            _check_text(cell, f"{where}, column {name!r}")
                            values[name] = cell
                    yield Row(number=number, line=reader.line_num, values=values)
            except csv.Error as exc:
                raise CommandError(
                    f"{self.path.name}, row {number + 1} (line {reader.line_num}) cannot be read: {exc}."
                ) from exc

    def _json_rows(self) -> Iterator[Row]:
        number = line = 0
        with self._open_bytes() as source:
            while content := source.readline(_MOST_LINE_BYTES):
                line += 1
                content = content.removeprefix(b"\xef\xbb\xbf") if line == 1 else content
                if not content.strip():
                    continue
                number += 1
                where = f"{self.path.name}, row {number} (line {line})"
                try:
                    value = orjson.loads(content)
                except orjson.JSONDecodeError as exc:
                    raise CommandError(f"{where} is not valid JSON: {exc}.") from exc
                if not isinstance(value, dict):
                    raise CommandError(f'{where} must be a JSON object such as {{"prompt": "..."}}.')
                yield Row(number=number, line=line, values=value)

    def _read_headings(self) -> list[str]:
        with self._open_text() as source:
            try:
                cells = next(csv.reader(source, delimiter=self.delimiter, strict=True), [])
            except csv.Error as exc:
                raise CommandError(f"{self.path.name}: the headings cannot be read: {exc}.") from exc
        columns = [cell.strip() for cell in cells]
        for number, name in enumerate(columns, start=1):
            _check_text(name, f"{self.path.name}, heading of column {number}")
            if name and name in columns[: number - 1]:
                raise CommandError(f"{self.path.name} has two columns named {name!r}; rename one.")
        if not any(columns):
            raise CommandError(f"{self.path.name} has no headings: its first line must name the columns.")
        return columns

    def _guess_delimiter(self) -> str:
        if self.path.suffix.lower() in _TABS:
            return "\t"
        with self._open_text() as source:
            first = source.readline(_MOST_CELL_CHARACTERS)
        found = [mark for mark in (",", ";", "\t") if mark in first]
        return found[0] if found else ","

    def _check_bytes(self) -> None:
        with self._open_bytes() as source:
            begin = source.read(4)
        if begin[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise CommandError(
                f"{self.path.name} is UTF-16.", hint="Save it as UTF-8; spreadsheets call that `CSV UTF-8`."
            )
        if begin.startswith(b"PK\x03\x04"):
            raise CommandError(
                f"{self.path.name} is a workbook or an archive.", hint="Save its sheet as `CSV UTF-8`."
            )

    def _open_bytes(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as exc:
            raise CommandError(f"--in: {str(self.path)!r} cannot be read: {exc.strerror}.") from exc

    def _open_text(self) -> TextIO:
        csv.field_size_limit(_MOST_CELL_CHARACTERS)
        # What is not UTF-8 is let through here, so that the row and the column can be named.
        return self.path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _check_text(text: str, where: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        begin = text[max(0, exc.start - _SHOWN) : exc.start].encode("utf-8", "replace").decode()
        raise CommandError(
            f"{where} is not UTF-8" + (f", after {begin!r}." if begin else "."),
            hint="Save the file as UTF-8; spreadsheets call that `CSV UTF-8`.",
        ) from exc
