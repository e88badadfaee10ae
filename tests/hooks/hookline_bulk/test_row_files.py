from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hookline.cli.messages import CommandError
from hookline_bulk.row_files import Row, RowFile

Write = Callable[..., Path]


def values_of(path: Path) -> list[dict[str, object]]:
    return [row.values for row in RowFile(path)]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("id,text\n1,a\n2,b\n", "rows.csv"),
        ("\ufeffid,text\r\n1,a\r\n\r\n2,b", "rows.csv"),
        ("id;text\n1;a\n2;b\n", "rows.csv"),
        ('"id"\t"text"\n1\ta\n2\tb\n', "rows.tsv"),
        ('{"id": "1", "text": "a"}\n\n{"id": "2", "text": "b"}', "rows.jsonl"),
        ('\ufeff{"id": "1", "text": "a"}\n{"id": "2", "text": "b"}\n', "rows.ndjson"),
        (" id ,text,\n1,a,\n2,b,\n", "rows.csv"),
    ],
)
def test_the_same_rows_are_read_from_every_format(write: Write, content: str, name: str) -> None:
    assert values_of(write(content, name)) == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]


def test_cells_may_hold_line_breaks_and_rows_know_number_and_line(write: Write) -> None:
    path = write('text\n"a\nb"\nc\n')
    assert list(RowFile(path)) == [
        Row(number=1, line=3, values={"text": "a\nb"}),
        Row(number=2, line=4, values={"text": "c"}),
    ]


def test_a_row_with_fewer_cells_lacks_the_last_columns(write: Write) -> None:
    assert values_of(write("a,b\n1\n")) == [{"a": "1"}]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("a,b\n1,2\n1,2,3\n", "rows.csv", "rows.csv, row 2 (line 3) has 3 cells, and there are 2 columns."),
        ('a\n"x" y\n', "rows.csv", "rows.csv, row 1 (line 2) cannot be read"),
        ('a\n"x\n', "rows.csv", "rows.csv, row 1 (line 2) cannot be read"),
        (b"a,text\n1,caf\xe9\n", "rows.csv", "row 1 (line 2), column 'text' is not UTF-8, after 'caf'."),
        (b"a\xe9\n1\n", "rows.csv", "heading of column 1 is not UTF-8"),
        (b"\xff\xfea\x00", "rows.csv", "rows.csv is UTF-16."),
        (b"PK\x03\x04...", "rows.csv", "rows.csv is a workbook"),
        ("a,a\n1,2\n", "rows.csv", "two columns named 'a'"),
        ("", "rows.csv", "rows.csv has no headings"),
        ('{"a": 1}\n{"a": \n', "rows.jsonl", "rows.jsonl, row 2 (line 2) is not valid JSON"),
        ('{"a": 1}\n\n[1]\n', "rows.jsonl", "rows.jsonl, row 2 (line 3) must be a JSON object"),
        (b'{"a": "\xe9"}\n', "rows.jsonl", "rows.jsonl, row 1 (line 1) is not valid JSON"),
        ("a\n1\n", "rows.xlsx", "the format of 'rows.xlsx' is not known"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(
    write: Write, content: str | bytes, name: str, message: str
) -> None:
    path = write(content, name)
    with pytest.raises(CommandError) as caught:
        list(RowFile(path))
    assert message in caught.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        RowFile(tmp_path / "rows.csv")


def test_the_fingerprint_changes_with_the_content(write: Write) -> None:
    before = RowFile(write("a\n1\n")).fingerprint()
    assert RowFile(write("a\n1\n")).fingerprint() == before
    assert RowFile(write("a\n2\n")).fingerprint() != before
