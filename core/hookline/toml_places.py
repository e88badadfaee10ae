"""Where the keys of a TOML text stand: `tomllib` reads values and tells no lines.

The text was read by `tomllib` before, so that it is valid: nothing is checked here a second time.
"""

from __future__ import annotations

from collections.abc import Mapping

Path = tuple[str, ...]

_SPACE = " \t\r\n"
_END_OF_VALUE = ",]}\n#"


def find_places(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, of every table, key and member of a list, by its path.

    Args:
        text: A valid TOML text. Members of lists have their number in the path, as text.
    """
    return _Scanner(text).run()


def line_of(places: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a path, or else of the nearest table that it would stand in."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None


class _Scanner:
    """Reads a text once, from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text + "\n"
        self._at = 0
        self._places: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._line = 1
        self._counted_to = 0

    def run(self) -> Mapping[Path, int]:
        table: Path = ()
        while self._skip(_SPACE):
            if self._peek() == "[":
                table = self._table()
            else:
                self._member(table)
        return self._places

    def _table(self) -> Path:
        is_list = self._text.startswith("[[", self._at)
        line = self._line_here()
        self._at += 2 if is_list else 1
        path = self._resolve(self._key())
        self._at = self._text.index("]", self._at) + (2 if is_list else 1)
        if is_list:
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            self._places.setdefault(path, line)
            path = (*path, str(number))
        self._note(path, line)
        return path

    def _resolve(self, path: Path) -> Path:
        """Return a path with the number of the last member wherever it leads through a list of tables."""
        found: Path = ()
        for position, name in enumerate(path):
            found = (*found, name)
            if found in self._counts and position < len(path) - 1:
                found = (*found, str(self._counts[found] - 1))
        return found

    def _member(self, table: Path) -> None:
        line = self._line_here()
        path = (*table, *self._key())
        self._note(path, line)
        self._at = self._text.index("=", self._at) + 1
        self._skip(" \t")
        self._value(path)

    def _note(self, path: Path, line: int) -> None:
        for length in range(1, len(path)):
            self._places.setdefault(path[:length], line)
        self._places[path] = line

    def _value(self, path: Path) -> None:
        match self._peek():
            case '"' | "'":
                self._string()
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case _:
                while self._peek() not in _END_OF_VALUE:
                    self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._skip(_SPACE + ",") and self._peek() != "]":
            member = (*path, str(number))
            self._places[member] = self._line_here()
            self._value(member)
            number += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip(_SPACE + ",") and self._peek() != "}":
            self._member(path)
        self._at += 1

    def _key(self) -> Path:
        """Return the parts of a dotted key, and stand behind it."""
        parts: list[str] = []
        while True:
            self._skip(" \t")
            if self._peek() in "\"'":
                parts.append(_unquoted(self._string()))
            else:
                start = self._at
                while self._peek().isalnum() or self._peek() in "_-":
                    self._at += 1
                parts.append(self._text[start : self._at])
            self._skip(" \t")
            if self._peek() != ".":
                return tuple(parts)
            self._at += 1

    def _string(self) -> str:
        """Return a string with its quotes, and stand behind it."""
        start, quote = self._at, self._peek()
        if self._text.startswith(quote * 3, start):
            quote *= 3
        self._at += len(quote)
        while not self._text.startswith(quote, self._at):
            self._at += 2 if quote[0] == '"' and self._peek() == "\\" else 1
        self._at += len(quote)
        while len(quote) == 3 and self._peek() == quote[0]:  # up to two quotes may stand before the end
            self._at += 1
        return self._text[start : self._at]

    def _skip(self, characters: str) -> bool:
        """Go past characters and comments; tell whether something follows."""
        while self._at < len(self._text):
            here = self._peek()
            if here == "#":
                self._at = self._text.index("\n", self._at)
            elif here in characters:
                self._at += 1
            else:
                return True
        return False

    def _peek(self) -> str:
        return self._text[self._at]

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line


def _unquoted(text: str) -> str:
    import tomllib

    return next(iter(tomllib.loads(f"{text} = 0")))
