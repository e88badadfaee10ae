from __future__ import annotations

import pytest

from hookline.cli.messages import CommandError
from hookline_bulk.mapping import Mapping, parse_template, read_mapping
from hookline_bulk.row_files import Row


def row(**values: object) -> Row:
    return Row(number=1, line=2, values=values)


def make(*, maps: tuple[str, ...] = (), templates: tuple[str, ...] = (), **constants: object) -> Mapping:
    return read_mapping(maps=maps, constants=constants, templates=templates, id_column=None)


def test_columns_constants_and_templates_make_the_input() -> None:
    mapping = make(maps=("text=question",), templates=("system=Speak {tongue}.",), model="small")
    assert mapping.make(row(question="Why?", tongue="German", other="x")) == {
        "model": "small",
        "text": "Why?",
        "system": "Speak German.",
    }


def test_an_empty_cell_leaves_its_field_out() -> None:
    assert make(maps=("a=one", "b=two", "c=three")).make(row(one="", two=None, three=0)) == {"c": 0}


def test_without_a_choice_each_column_is_the_field_of_its_name() -> None:
    mapping = read_mapping(maps=(), constants={"n": 1}, templates=(), id_column="key")
    assert mapping.make(row(key="k", text="a")) == {"n": 1, "text": "a"}
    assert mapping.id_of(row(key="k")) == "k"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("{a}{b}", "1two"),
        ("{{{a}}}", "{1}"),
        ("{{a}}", "{a}"),
        ("{ a }", "1"),
        ("{c.__class__}", "a column"),
        ("{b!r:>10}", "another column"),
        ("{gone}.", "."),
        ("{list}", "[1,2]"),
    ],
)
def test_a_template_puts_cells_in_place_and_runs_nothing(text: str, made: str) -> None:
    values = {
        "a": 1,
        "b": "two",
        "c.__class__": "a column",
        "b!r:>10": "another column",
        "gone": None,
        "list": [1, 2],
    }
    assert parse_template(text).fill(row(**values)) == made


def test_what_a_cell_holds_is_not_read_as_a_template() -> None:
    assert parse_template("{a}").fill(row(a="{b}", b="secret")) == "{b}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a { b", "a single '{' at place 3; write '{{' for one"),
        ("a } b", "a single '}' at place 3"),
        ("a {} b", "no column stands between"),
        ("{a{b}}", "a single '{' at place 1"),
    ],
)
def test_a_template_that_is_not_sound_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # its text is compared
        parse_template(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("maps", "templates", "constants", "message"),
    [
        (("text",), (), {}, "--map: 'text' cannot be read; write --map FIELD=COLUMN."),
        (("=a",), (), {}, "--map: '=a' cannot be read"),
        ((), ("text={",), {}, "--template text=...: a single '{'"),
        (("text=a",), ("text=b",), {}, "The field 'text' is set twice"),
        (("text=a",), (), {"text": "b"}, "The field 'text' is set twice"),
        (("text=a", "text=b"), (), {}, "The field 'text' is set twice"),
    ],
)
def test_options_that_cannot_be_read_say_how_to_write_them(
    maps: tuple[str, ...], templates: tuple[str, ...], constants: dict[str, object], message: str
) -> None:
    with pytest.raises(CommandError) as caught:
        make(maps=maps, templates=templates, **constants)
    assert message in caught.value.message


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(CommandError) as caught:
        make(maps=("text=qestion",)).check(["id", "question"], "rows.csv")
    assert caught.value.message == (
        "--map text=qestion: rows.csv has no column 'qestion'. It has: id, question."
    )
