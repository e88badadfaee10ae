"""Making the input of a call from a row: columns, constants, and texts with columns in them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline.cli.messages import CommandError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_bulk.row_files import Row

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A text with the names of columns in braces. Nothing in it is run.

    Attributes:
        parts: Texts, and between them the names of columns: text, column, text, column, text.
    """

    parts: tuple[str, ...] = field(repr=False)

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it names."""
        return self.parts[1::2]

    def fill(self, row: Row) -> str:
        """Return the text for a row; an empty cell stands for nothing."""
        made = list(self.parts)
        for at in range(1, len(made), 2):
            made[at] = _as_text(row.values.get(made[at]))
        return "".join(made)


def parse_template(text: str) -> Template:
    """Return a template; ``{column}`` is a column, ``{{`` and ``}}`` are braces.

    Raises:
        ValueError: If a brace stands alone, or no name stands between two.
    """
    parts = [""]
    at = 0
    for match in _TOKEN.finditer(text):
        parts[-1] += text[at : match.start()]
        at = match.end()
        token, name = match.group(), match.group(1)
        if token in ("{{", "}}"):
            parts[-1] += token[0]
        elif name is None:
            raise ValueError(f"a single {token!r} at place {match.start() + 1}; write {token * 2!r} for one")
        elif not name.strip():
            raise ValueError("no column stands between '{' and '}'")
        else:
            parts += [name.strip(), ""]
    parts[-1] += text[at:]
    return Template(parts=tuple(parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """How rows become inputs.

    Attributes:
        constants: Fields that are the same for all.
        columns: Column by field.
        templates: Template by field.
        id_column: Column that names a row in the results.
    """

    constants: JsonObject = field(default_factory=dict, repr=False)
    columns: dict[str, str] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    id_column: str | None = None

    @property
    def takes_all(self) -> bool:
        """Whether every column is the field of its name, because none was chosen."""
        return not self.columns and not self.templates

    def make(self, row: Row) -> JsonObject:
        """Return the input for a row; an empty cell leaves its field out."""
        fields = dict(self.constants)
        if self.takes_all:
            found = ((name, value) for name, value in row.values.items() if name != self.id_column)
        else:
            found = ((name, row.values.get(column)) for name, column in self.columns.items())
        fields.update((name, value) for name, value in found if value not in (None, ""))
        fields.update((name, template.fill(row)) for name, template in self.templates.items())
        return fields

    def id_of(self, row: Row) -> object:
        """Return what names a row in the results; None if nothing does."""
        return None if self.id_column is None else row.values.get(self.id_column)

    def named_columns(self) -> list[tuple[str, str]]:
        """Return every column that an option names, with that option."""
        named = [(column, f"--map {name}={column}") for name, column in self.columns.items()]
        for name, template in self.templates.items():
            named += [(column, f"--template {name}=...") for column in template.columns]
        return named + ([(self.id_column, "--id")] if self.id_column else [])

    def check(self, columns: Sequence[str], file_name: str) -> None:
        """Check that a file has the columns that options name.

        Raises:
            CommandError: If it lacks one; says which there are.
        """
        for column, option in self.named_columns():
            if column not in columns:
                known = ", ".join(name for name in columns if name)
                raise CommandError(f"{option}: {file_name} has no column {column!r}. It has: {known}.")

    def check_row(self, row: Row, file_name: str) -> None:
        """Check that a row of a file without headings has what templates name.

        Raises:
            CommandError: If it lacks one.
        """
        for name, template in self.templates.items():
            for column in template.columns:
                if column not in row.values:
                    raise CommandError(
                        f"{file_name}, row {row.number} (line {row.line}) has no {column!r}, "
                        f"which --template {name}=... names."
                    )

    def as_json(self) -> JsonObject:
        """Return what tells whether two runs make the same of a row."""
        return {
            "constants": self.constants,
            "columns": self.columns,
            "templates": {name: list(template.parts) for name, template in self.templates.items()},
            "id": self.id_column,
        }


def read_mapping(
    *, maps: Iterable[str], constants: JsonObject, templates: Iterable[str], id_column: str | None
) -> Mapping:
    """Return the mapping that options describe.

    Raises:
        CommandError: If one cannot be read; says how to write it.
    """
    columns: dict[str, str] = {}
    made: dict[str, Template] = {}
    for text in maps:
        name, value = _pair(text, "--map", "FIELD=COLUMN")
        _check_new(name, columns, made, constants)
        columns[name] = value
    for text in templates:
        name, value = _pair(text, "--template", "FIELD=TEXT")
        _check_new(name, columns, made, constants)
        try:
            made[name] = parse_template(value)
        except ValueError as exc:
            raise CommandError(f"--template {name}=...: {exc}.") from exc
    return Mapping(constants=constants, columns=columns, templates=made, id_column=id_column)


def _check_new(name: str, *known: Container[str]) -> None:
    if any(name in fields for fields in known):
        raise CommandError(f"The field {name!r} is set twice; use one of --map, --set and --template for it.")


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value:
        raise CommandError(f"{option}: {text!r} cannot be read; write {option} {form}.")
    return name.strip(), value


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
