"""`hookline batch` over a gateway in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bulk_lab import repeat, text_of
from fake_clock import FakeClock
from hookline import Call, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.errors import RateLimitedError
from hookline_bulk.batch_jobs import Tally
from hookline_bulk.batch_progress import BatchProgress
from small_service import Upstream, whole

Batch = Callable[..., Result]
Write = Callable[..., Path]
Results = Callable[[], list[dict[str, Any]]]


def asked(upstream: Upstream) -> list[str]:
    return [text_of(request) for request in upstream.sent]


def test_each_row_has_a_line_with_its_output_usage_and_cost(
    batch: Batch, write: Write, results: Results
) -> None:
    write("id,question\na,one\nb,three\n")
    result = batch("--map", "text=question", "--set", "times=2", "--id", "id")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ("2 of 2 rows are done, 0 failed. This run: 2 rows, 8 tokens sent, 2 made, $0.\n")
    assert results()[0] == {
        "row": 1,
        "attempt": 1,
        "id": "a",
        "status": 200,
        "output": {"text": "one", "warnings": []},
        "usage": {
            "input_tokens": 3,
            "output_tokens": 1,
            "total_tokens": 4,
            "cached_tokens": None,
            "reasoning_tokens": None,
        },
        "cost_usd": 13e-9,
    }


def test_text_in_cells_becomes_what_the_schema_asks_for(
    batch: Batch, write: Write, upstream: Upstream
) -> None:
    write("text,times\na,2\nb,\n")
    assert batch().exit_code == 0
    assert sorted((request.body or {}).get("times", 0) for request in upstream.sent) == [0, 2]  # type: ignore[type-var]


def test_rows_that_fail_are_told_and_the_status_is_1(batch: Batch, write: Write, results: Results) -> None:
    write("text\na\nrefuse\nb\n")
    result = batch()
    assert result.exit_code == 1
    assert "Row 2 failed (400): " in result.stderr
    assert [line["status"] for line in results()] == [200, 400, 200]
    assert results()[1]["error"]["upstream"]["status"] == 400


def test_the_same_command_again_runs_nothing_again(batch: Batch, write: Write, upstream: Upstream) -> None:
    write("text\na\nrefuse\nb\n")
    batch()
    assert batch().exit_code == 1
    assert sorted(asked(upstream)) == ["a", "b", "refuse"]


def test_retry_failed_runs_only_what_failed_and_its_new_line_takes_the_place_of_the_old(
    batch: Batch, write: Write, results: Results, upstream: Upstream
) -> None:
    write("text\na\nrefuse\nb\n")
    batch()
    upstream.answer = lambda request: whole({"text": "better", "took": [1, 1]})
    assert batch("--retry-failed").exit_code == 0
    assert asked(upstream).count("refuse") == 2
    assert [(line["row"], line["attempt"], line["status"]) for line in results()] == [
        (1, 1, 200), (2, 2, 200), (3, 1, 200),
    ]  # fmt: skip


def test_limit_runs_so_many_rows_and_the_rest_later(
    batch: Batch, write: Write, results: Results, upstream: Upstream
) -> None:
    write("text\na\nb\nc\n")
    assert batch("--limit", "2").exit_code == 0
    assert sorted(asked(upstream)) == ["a", "b"]
    assert batch().exit_code == 0
    assert sorted(asked(upstream)) == ["a", "b", "c"]
    assert [line["row"] for line in results()] == [1, 2, 3]


def test_no_more_rows_run_at_once_than_asked_for(batch: Batch, write: Write, upstream: Upstream) -> None:
    three = threading.Barrier(3)
    lock, running, most = threading.Lock(), 0, 0

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait(10)
        with lock:
            running -= 1
        return repeat(request)

    upstream.answer = answer
    write("text\n" + "a\n" * 12)
    assert batch("--concurrency", "3").exit_code == 0
    assert most == 3


def test_completion_order_keeps_the_lines_as_they_came(
    batch: Batch, write: Write, upstream: Upstream, results: Results
) -> None:
    second_is_done = threading.Event()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if text_of(request) == "slow":
            assert second_is_done.wait(10)
        else:
            second_is_done.set()
        return repeat(request)

    upstream.answer = answer
    write("text\nslow\n" + "quick\n" * 200)
    assert batch("--order", "completion", "--concurrency", "2").exit_code == 0
    rows = [line["row"] for line in results()]
    assert sorted(rows) == list(range(1, 202))


def test_json_prints_a_summary_for_programs(batch: Batch, write: Write) -> None:
    write("text\na\nrefuse\n")
    result = batch("--json")
    assert (result.exit_code, result.stderr) == (1, "")
    summary = json.loads(result.stdout)
    assert summary["this_run"].pop("cost_usd") == pytest.approx(11e-9)
    assert summary.pop("cost_usd") == pytest.approx(11e-9)
    assert summary.pop("out").endswith("out.jsonl")
    assert summary == {
        "rows": 2,
        "succeeded": 1,
        "failed": 1,
        "unknown": 0,
        "left": 0,
        "unknown_rows": [],
        "this_run": {
            "succeeded": 1,
            "failed": 1,
            "input_tokens": 1,
            "output_tokens": 1,
            "rows_without_known_cost": 0,
        },
        "stopped_by": None,
        "message": None,
    }


def test_dry_run_estimates_and_runs_nothing(batch: Batch, write: Write, upstream: Upstream) -> None:
    write("text,times\nabc,1\nde,1\nf,0\n")
    result = batch("--dry-run", target=None)
    assert result.exit_code == 1
    assert result.stdout == (
        "2 of 3 rows would run: about 5 tokens sent, at most 200 made, at most $0.000002. Nothing was run.\n"
    )
    assert "Row 3 would be refused: `times` must be at least 1" in result.stderr
    assert upstream.sent == []


def test_dry_run_as_json(batch: Batch, write: Write) -> None:
    write("text\nabc\n")
    assert json.loads(batch("--dry-run", "--json", target=None).stdout) == {
        "rows": 1,
        "refused": 0,
        "input_tokens": 3,
        "max_output_tokens": 100,
        "max_cost_usd": 1003e-9,
        "rows_without_known_price": 0,
        "first_refusals": [],
    }


def test_max_cost_stops_before_it_could_be_exceeded_and_a_higher_one_goes_on(
    batch: Batch, write: Write, upstream: Upstream, results: Results
) -> None:
    write("text\n" + "a\n" * 20)  # each takes 11 nano-dollars, and may take 1001
    result = batch("--max-cost", "0.0000011", "--concurrency", "4")
    assert result.exit_code == 3
    done = len(results())
    assert 1 <= done < 20
    assert 1100 - 11 * done < 1001 <= 1100 - 11 * (done - 1)
    assert "Stopped by --max-cost" in result.stderr

    assert batch("--max-cost", "1").exit_code == 0
    assert len(asked(upstream)) == 20


def test_our_own_rate_limit_is_waited_for(
    batch: Batch, write: Write, plugins: list[object], upstream: Upstream
) -> None:
    refused: list[str] = []

    class Admit:
        @hookimpl
        def hookline_admit(self, call: Call) -> None:
            if len(refused) < 2:
                refused.append(call.id)
                raise RateLimitedError("Too many.", retry_after_s=0.05, reached_upstream=False)

    plugins.append(Admit())
    write("text\na\nb\nc\n")
    assert batch("--concurrency", "1").exit_code == 0
    assert (len(refused), sorted(asked(upstream))) == (2, ["a", "b", "c"])


def test_a_limit_without_room_for_long_ends_the_run(
    batch: Batch, write: Write, plugins: list[object]
) -> None:
    class Admit:
        @hookimpl
        def hookline_admit(self) -> None:
            raise RateLimitedError("Too many.", retry_after_s=7200, reached_upstream=False)

    plugins.append(Admit())
    write("text\na\nb\n")
    result = batch()
    assert result.exit_code == 1
    assert "A limit has no room before 120 minutes have passed." in result.stderr
    plugins.clear()
    assert batch().exit_code == 0


def test_a_changed_file_is_refused(batch: Batch, write: Write, upstream: Upstream) -> None:
    write("text\na\n")
    batch()
    write("text\nb\n")
    result = batch()
    assert result.exit_code == 2
    assert "were made from another file, or that file has been changed" in result.stderr
    assert asked(upstream) == ["a"]


def test_rows_that_cannot_be_read_are_found_before_anything_is_run(
    batch: Batch, write: Write, upstream: Upstream
) -> None:
    write("text\na\nb,c\n")
    result = batch()
    assert result.exit_code == 2
    assert "rows.csv, row 2 (line 3) has 2 cells" in result.stderr
    assert upstream.sent == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "text=nothing"], "--map text=nothing: rows.csv has no column 'nothing'. It has: text."),
        (["--template", "text={nothing}"], "has no column 'nothing'"),
        (["--id", "nothing"], "--id: rows.csv has no column 'nothing'"),
        (["--set", "times"], "'times' is not a field"),
        (["--max-cost", "-1"], "--max-cost must be an amount above zero"),
        (["--max-cost", "nan"], "--max-cost must be an amount above zero"),
        (["--delimiter", "||"], "--delimiter must be one character"),
        (["--url", "http://127.0.0.1:1", "--sandbox"], "--sandbox does not go with --url"),
        (["--url", "http://127.0.0.1:1"], "--url needs a key, and HOOKLINE_API_KEY holds none."),
        (["--url", "http://127.0.0.1:1", "--key-file", "/no/such"], "--key-file: '/no/such' cannot be read."),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    batch: Batch, write: Write, arguments: list[str], message: str
) -> None:
    write("text\na\n")
    result = batch(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_rows_may_be_objects_whose_members_are_the_fields(
    batch: Batch, write: Write, upstream: Upstream
) -> None:
    write('{"text": "a", "times": 2}\n{"text": "b", "times": null}\n', "rows.jsonl")
    assert batch(source="rows.jsonl").exit_code == 0
    sent = sorted((text_of(request), (request.body or {}).get("times")) for request in upstream.sent)
    assert sent == [("a", 2), ("b", None)]


def test_an_object_that_lacks_what_a_template_names_is_told_with_its_row(
    batch: Batch, write: Write, upstream: Upstream
) -> None:
    write('{"who": "Ada"}\n{"whom": "Bob"}\n', "rows.jsonl")
    result = batch("--template", "text=Hello {who}", source="rows.jsonl")
    assert result.exit_code == 2
    assert "rows.jsonl, row 2 (line 2) has no 'who', which --template text=... names." in result.stderr
    assert upstream.sent == []


def test_an_unknown_action_is_a_usage_error(batch: Batch, write: Write) -> None:
    write("text\na\n")
    result = batch(action="acme.shout")
    assert (result.exit_code, "Did you mean" in result.stderr) == (2, True)


def test_results_without_a_journal_are_not_touched(batch: Batch, write: Write, tmp_path: Path) -> None:
    write("text\na\n")
    (tmp_path / "out.jsonl").write_text("precious\n")
    result = batch()
    assert result.exit_code == 2
    assert "exists, and has no journal to go on with" in result.stderr
    assert (tmp_path / "out.jsonl").read_text() == "precious\n"


def test_out_must_not_be_the_rows_themselves(batch: Batch, write: Write) -> None:
    path = write("text\na\n")
    assert batch(target="rows.csv").exit_code == 2
    assert path.read_text() == "text\na\n"


def test_a_plain_line_tells_rate_cost_and_time_left() -> None:
    clock = FakeClock()
    tally = Tally(total=1000, succeeded=240, failed=10, cost_nano_usd=12_300_000)
    progress = BatchProgress(tally, clock, is_terminal=False)
    clock.advance(10.0)
    assert progress.line(clock.monotonic()) == ("250 of 1,000 rows, 10 failed, 25.0/s, $0.0123, 0:30 left")


def test_a_bar_is_drawn_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    tally = Tally(total=10, succeeded=5)
    with BatchProgress(tally, clock, is_terminal=True) as progress:
        clock.advance(1.0)
        progress.tick()
    assert "5 of 10" in capsys.readouterr().err
