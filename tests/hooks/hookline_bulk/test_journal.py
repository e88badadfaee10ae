from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hookline.cli.messages import CommandError
from hookline_bulk.journal import Journal
from hookline_bulk.result_file import ResultFile
from hookline_bulk.row_states import BEGUN, DONE, FAILED, UNTOUCHED, RowStates
from hookline_bulk.runners import RowReply

PLAN: dict[str, Any] = {"action": "acme.say", "input": {"size": 1, "sha256": "a"}, "mapping": {"columns": {}}}
GOOD = RowReply(status=200, content=b'{"text":"a"}')
BAD = RowReply(status=502, content=b"{}")


def reopen(folder: Path, plan: dict[str, Any] = PLAN) -> RowStates:
    states = RowStates()
    Journal(folder / "out.jsonl.journal", plan, states).close()
    ResultFile(folder / "out.jsonl", states).close(in_order=False)
    return states


def test_what_was_begun_and_what_was_done_is_known_afterwards(tmp_path: Path) -> None:
    states = RowStates()
    journal = Journal(tmp_path / "out.jsonl.journal", PLAN, states)
    results = ResultFile(tmp_path / "out.jsonl", states)
    journal.begin([(1, 1), (2, 1), (3, 1), (9000, 1)])
    journal.free([3])
    results.add(1, 1, None, GOOD)
    results.add(2, 1, None, BAD)
    results.close(in_order=False)
    journal.close()

    found = reopen(tmp_path)

    assert [found.get(number) for number in (1, 2, 3, 4, 9000, 10**6)] == [
        DONE, FAILED, UNTOUCHED, UNTOUCHED, BEGUN, UNTOUCHED,
    ]  # fmt: skip
    assert list(found.in_state(BEGUN)) == [9000]


def test_a_row_that_failed_and_was_begun_again_is_unknown_until_it_has_another_result(tmp_path: Path) -> None:
    states = RowStates()
    journal = Journal(tmp_path / "out.jsonl.journal", PLAN, states)
    results = ResultFile(tmp_path / "out.jsonl", states)
    journal.begin([(1, 1)])
    results.add(1, 1, None, BAD)
    assert states.next_attempt(1) == 2
    journal.begin([(1, 2)])
    journal.close()
    results.close(in_order=True)
    found = reopen(tmp_path)
    assert (found.get(1), found.next_attempt(1)) == (BEGUN, 2)

    results = ResultFile(tmp_path / "out.jsonl", found)
    results.add(1, 2, None, GOOD)
    results.close(in_order=True)

    found = reopen(tmp_path)
    assert (found.get(1), found.next_attempt(1)) == (DONE, 3)
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 1


def test_a_torn_last_line_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    states = RowStates()
    journal = Journal(tmp_path / "out.jsonl.journal", PLAN, states)
    journal.begin([(1, 1)])
    journal.close()
    for name, torn in (("out.jsonl.journal", b'{"begun":[[2,'), ("out.jsonl", b'{"row":1,"sta')):
        with (tmp_path / name).open("ab") as file:
            file.write(torn)

    found = reopen(tmp_path)

    assert (found.get(1), found.get(2)) == (BEGUN, UNTOUCHED)
    assert (tmp_path / "out.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "acme.look"}, "were made for another action"),
        ({"input": {"size": 2, "sha256": "b"}}, "were made from another file, or that file has been changed"),
        ({"mapping": {}}, "were made with other --map"),
    ],
)
def test_another_plan_is_refused_with_what_is_different(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    reopen(tmp_path)
    with pytest.raises(CommandError, match="cannot go on there") as caught:
        reopen(tmp_path, {**PLAN, **change})
    assert message in caught.value.message


def test_two_processes_cannot_use_the_same_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "out.jsonl.journal", PLAN, RowStates())
    with pytest.raises(CommandError, match="Another process writes"):
        Journal(tmp_path / "out.jsonl.journal", PLAN, RowStates())
    journal.close()


@pytest.mark.parametrize("content", [b"[1]\n", b"text\n", b'{"journal":9,"run":"a"}\n'])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out.jsonl.journal").write_bytes(content)
    with pytest.raises(CommandError, match="not a journal"):
        reopen(tmp_path)


@pytest.mark.parametrize(
    "content", [b"[1]\n", b"text\n", b'{"row":1}\n', b'{"row":"x","attempt":1,"status":2}\n']
)
def test_a_file_that_holds_no_results_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out.jsonl").write_bytes(content)
    with pytest.raises(CommandError, match="is no result of this command"):
        ResultFile(tmp_path / "out.jsonl", RowStates())


def test_results_are_sorted_at_the_end_and_the_last_one_of_a_row_is_kept(tmp_path: Path) -> None:
    results = ResultFile(tmp_path / "out.jsonl", RowStates())
    for number, attempt, reply in ((3, 1, GOOD), (1, 1, BAD), (2, 1, GOOD), (1, 2, GOOD)):
        results.add(number, attempt, f"r{number}", reply)
    results.close(in_order=True)
    assert (tmp_path / "out.jsonl").read_text().splitlines() == [
        f'{{"row":{row},"attempt":{attempt},"id":"r{row}","status":200,"output":{{"text":"a"}},'
        '"usage":null,"cost_usd":null}'
        for row, attempt in ((1, 2), (2, 1), (3, 1))
    ]
