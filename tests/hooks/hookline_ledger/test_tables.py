"""Reports as people read them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline_ledger.plots import save_plot
from hookline_ledger.tables import as_csv, bars_of, cost_text, draw_bars, table_of
from hookline_ledger.totals import Group, Question, Report, Totals

if TYPE_CHECKING:
    from hookline_ledger.totals import Grouping


def report(*groups: tuple[str | None, Totals], by: Grouping = "model", total: Totals | None = None) -> Report:
    question = Question(
        by=by, since=datetime(2026, 11, 1, tzinfo=UTC), until=datetime(2026, 11, 22, tzinfo=UTC)
    )
    return Report(
        question=question,
        groups=tuple(Group(name=name, totals=totals) for name, totals in groups),
        total=total or Totals(),
    )


def test_numbers_stand_to_the_right_and_the_sum_below() -> None:
    found = report(
        ("gpt-5.4-mini", Totals(calls=1200, input_tokens=9, output_tokens=10, cost_nano_usd=1_500_000_000)),
        (None, Totals(calls=3, errors=3, cost_nano_usd=0)),
        total=Totals(calls=1203, errors=3, input_tokens=9, output_tokens=10, cost_nano_usd=1_500_000_000),
    )
    assert table_of(found) == (
        ["model", "calls", "errors", "tokens in", "tokens out", "cost USD"],
        [
            ["gpt-5.4-mini", "1,200", "     0", "        9", "        10", "1.500000"],
            ["(none)", "    3", "     3", "        0", "         0", "0.000000"],
            ["all", "1,203", "     3", "        9", "        10", "1.500000"],
        ],
    )


def test_calls_inside_calls_have_a_column_of_their_own_if_there_are_any() -> None:
    headings, rows = table_of(
        report(("a", Totals(calls=1, inner_calls=4)), total=Totals(calls=1, inner_calls=4))
    )
    assert headings[:3] == ["model", "calls", "inner"]
    assert rows == [["a", "    1", "    4", "     0", "        0", "         0", "0.000000"]]


@pytest.mark.parametrize(
    ("totals", "text"),
    [
        (Totals(), "0.000000"),
        (Totals(cost_nano_usd=None, without_cost=2), "unknown"),
        (Totals(cost_nano_usd=1_234_567_890_000), "1,234.567890"),
        (Totals(cost_nano_usd=1), "<0.000001"),
        (Totals(cost_nano_usd=1, without_cost=1), ">= 0.000000"),
        (Totals(cost_nano_usd=2_000_000_000, without_cost=1), ">= 2.000000"),
        (Totals(cost_nano_usd=2_000_000_000, estimated=1, estimated_costs=1), "~2.000000"),
        (Totals(cost_nano_usd=1, estimated=1, estimated_costs=1), "~<0.000001"),
        (Totals(cost_nano_usd=2_000_000_000, without_cost=1, estimated=1), ">= 2.000000"),
        (Totals(cost_nano_usd=1_000_000, without_cost=1, estimated=2, estimated_costs=1), ">= ~0.001000"),
    ],
)
def test_an_unknown_cost_is_never_shown_as_nothing(totals: Totals, text: str) -> None:
    assert cost_text(totals) == text


def test_long_names_are_cut_on_a_terminal_and_whole_elsewhere() -> None:
    found = report(("n" * 150, Totals(calls=1)), by="flow")

    (cut,), (whole,) = table_of(found, width=80)[1], table_of(found)[1]

    assert cut[0].endswith("n…")
    assert len("  ".join(cut)) <= 80
    assert whole[0] == "n" * 150
    assert max(map(len, draw_bars(bars_of(found), measure="calls", width=80))) <= 80
    assert "n" * 150 in as_csv(found)


def test_a_picture_says_which_of_its_bars_are_estimates(tmp_path: Path) -> None:
    guess = Totals(calls=1, cost_nano_usd=1_000_000, estimated=1, estimated_costs=1)
    file = tmp_path / "a.svg"

    save_plot(report(("a", guess), total=guess), file, measure="cost")

    text = file.read_text()
    assert "<!-- ~ -->" in text
    assert "so their cost, are an estimate -->" in text
    save_plot(report(("a", guess), total=guess), file, measure="calls")
    assert "estimate" not in file.read_text()


def test_the_file_for_spreadsheets_holds_every_sum() -> None:
    found = report(("a, b", Totals(calls=2, cost_nano_usd=None, without_cost=2)), (None, Totals(calls=1)))
    rows = list(csv.DictReader(as_csv(found).splitlines()))
    assert [row["model"] for row in rows] == ["a, b", ""]
    assert (rows[0]["calls"], rows[0]["cost_usd"], rows[0]["without_cost"]) == ("2", "", "2")
    assert rows[1]["cost_usd"] == "0.0"


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)"])
def test_no_name_becomes_a_formula(name: str) -> None:
    """S6: a spreadsheet would run what a caller named itself."""
    rows = list(csv.reader(as_csv(report((name, Totals()), by="user")).splitlines()))
    assert rows[1][0] == "'" + name


def test_days_without_a_call_have_a_place_among_the_bars() -> None:
    days = report(("2026-11-03", Totals(calls=1)), ("2026-11-06", Totals(calls=4)), by="day")
    assert bars_of(days) == [
        ("2026-11-03", Totals(calls=1)),
        ("2026-11-04", None),
        ("2026-11-05", None),
        ("2026-11-06", Totals(calls=4)),
    ]
    assert draw_bars(bars_of(days), measure="calls", width=34) == [
        "2026-11-03  ████▊ 1",
        "2026-11-04  0",
        "2026-11-05  0",
        "2026-11-06  ███████████████████ 4",
    ]
    assert bars_of(report(by="day")) == []


def test_bars_fit_the_terminal_and_any_alphabet() -> None:
    groups = report(
        ("a", Totals(input_tokens=1, cost_nano_usd=None, without_cost=1)),
        (None, Totals(output_tokens=1_000_000)),
    )
    lines = draw_bars(bars_of(groups), measure="tokens", width=60, is_ascii=True)
    assert lines[0] == "a       # 1"
    assert lines[1].startswith("(none)  ####")
    assert lines[1].endswith("# 1,000,000")
    assert max(map(len, lines)) <= 60
    assert draw_bars(bars_of(groups), measure="cost", width=60)[0] == "a       unknown"
    assert draw_bars([], measure="cost", width=60) == []


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG\r\n"), ("a.SVG", b"<?xml")])
def test_a_picture_is_of_the_kind_that_its_name_says(name: str, start: bytes, tmp_path: Path) -> None:
    """S6: names are taken as they are, also those that look like formulas or markup."""
    names = ["$\\frac{", "<script>alert(1)</script>", "李 🙂", "a" * 300, "%s {0}"]
    groups = report(*((name, Totals(calls=3)) for name in names), by="user")
    file = tmp_path / name
    save_plot(groups, file, measure="calls")
    content = file.read_bytes()
    assert content.startswith(start)
    assert b"<script" not in content


def test_a_picture_of_days_shows_each_day(tmp_path: Path) -> None:
    days = report(("2026-11-03", Totals(calls=1)), ("2026-11-06", Totals(calls=4)), by="day")
    file = tmp_path / "days.svg"
    save_plot(days, file, measure="calls")
    text = file.read_text()
    for day in ("2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "calls by day"):
        assert f"<!-- {day} -->" in text
