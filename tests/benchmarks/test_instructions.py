"""The request path takes no more instructions than the committed baseline says, give or take a tenth.

Instructions are counted, not seconds: a busy machine changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.benchmarks import instructions
from tests.benchmarks.callgrind import count, missing_programs
from tests.benchmarks.instructions import complain, judge, load_baseline
from tests.benchmarks.paths import NAMES, REFERENCE, SLOWED

if TYPE_CHECKING:
    from pathlib import Path

BASELINE = {REFERENCE: 300_000, "wire-door": 1_500_000, "action-door": 1_800_000}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], Path]:
    """Instructions of every path and of one that was slowed, and the folder with their profiles."""
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} not installed: apt-get install valgrind")
    profiles = tmp_path_factory.mktemp("profiles")
    return count((*NAMES, SLOWED), keep=profiles)["instructions"], profiles


def test_no_path_takes_a_tenth_more_instructions_than_the_baseline(
    counted: tuple[dict[str, int], Path],
) -> None:
    taken = {path: counted[0][path] for path in NAMES}
    assert complain(judge(taken, load_baseline())) == ""


def test_a_path_that_does_a_tenth_more_is_found_and_told_from_the_same_path_without_it(
    counted: tuple[dict[str, int], Path],
) -> None:
    taken, profiles = counted
    before = {path: taken[path] for path in (REFERENCE, "wire-door")}
    (slowed,) = judge({**before, "wire-door": taken[SLOWED]}, before)
    (same,) = judge(before, before)
    assert 0.10 < slowed.change < 0.15
    assert complain([slowed]).startswith("wire-door takes 1")
    assert (same.change, complain([same])) == (0.0, "")
    assert (profiles / "callgrind.out.wire-door").stat().st_size > 10_000


def test_what_is_slower_is_named_with_how_much_and_with_the_commands_to_look_and_to_accept() -> None:
    judgements = judge({**BASELINE, "wire-door": 1_680_000}, BASELINE)
    assert [(row.path, row.is_slower, row.is_faster) for row in judgements] == [
        ("wire-door", True, False),
        ("action-door", False, False),
    ]
    problem = complain(judgements).splitlines()
    assert problem[0] == (
        "wire-door takes 12.0% more instructions than instructions.json says, and 10% are allowed: "
        "5.600 empty Flask routes, not 5.000."
    )
    assert [line.partition(":")[2].strip() or line.strip() for line in problem[1:]] == [
        "python tests/benchmarks/instructions.py --where wire-door",
        "python tests/benchmarks/instructions.py --keep profiles",
        "callgrind_annotate profiles/callgrind.out.wire-door",
        "python tests/benchmarks/instructions.py --update  # and commit instructions.json",
    ]


def test_a_tenth_is_allowed_and_another_python_changes_nothing_that_counts() -> None:
    just_allowed = {**BASELINE, "wire-door": 1_649_000}
    slower_python = {path: round(number * 1.4) for path, number in BASELINE.items()}
    assert complain(judge(just_allowed, BASELINE)) == ""
    assert complain(judge(slower_python, BASELINE)) == ""


def test_a_path_that_became_faster_asks_for_a_new_baseline_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faster = {path: number // 2 if path != REFERENCE else number for path, number in load_baseline().items()}
    monkeypatch.setattr(
        instructions, "count", lambda names, *, keep: {"instructions": faster, "measured_with": {}}
    )
    instructions.main([])
    assert capsys.readouterr().out.count("-50.0%  faster: update the baseline") == len(NAMES) - 1


def test_the_baseline_is_rewritten_by_one_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = {"instructions": dict.fromkeys(NAMES, 1000), "measured_with": {"python": "3.11"}}
    monkeypatch.setattr(instructions, "count", lambda names, *, keep: counted)
    monkeypatch.setattr(instructions, "BASELINE", tmp_path / "instructions.json")
    instructions.main(["--update"])
    assert load_baseline() == dict.fromkeys(NAMES, 1000)
    assert "+0.0%" in capsys.readouterr().out


def test_a_path_without_a_baseline_is_no_silent_pass() -> None:
    with pytest.raises(ValueError, match=r"says nothing of wire-door\. Write it: .* --update"):
        judge(BASELINE, {REFERENCE: 300_000, "action-door": 1})


def test_the_functions_of_a_path_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    instructions.main(["--where", "wire-door"])
    shown = capsys.readouterr().out
    assert "50 runs of wire-door" in shown
    assert "pipeline.py" in shown
