"""How many instructions the request path takes: ``python tests/benchmarks/instructions.py [--update]``.

The processor's instructions are counted by valgrind's callgrind, so figures are the same in every run, on a
busy machine too. Judged is each path's multiple of the empty Flask route, counted in the same run: the counts
themselves differ from one build of Python to the next. The exit status is 1 if one grew by more than 10 %.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.callgrind import Counted, count
from tests.benchmarks.paths import NAMES, REFERENCE, open_paths
from tests.benchmarks.servers import run_upstream

BASELINE = Path(__file__).with_name("instructions.json")
BOUND = 0.10

_COMMAND = "python tests/benchmarks/instructions.py"
_PROFILED_RUNS = 50
_SHOWN_FUNCTIONS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """One path beside its baseline.

    Attributes:
        path: Its name.
        instructions: Of one call, or one event.
        multiple: How many empty routes that is.
        baseline: How many it was.
    """

    path: str
    instructions: int
    multiple: float
    baseline: float

    @property
    def change(self) -> float:
        """Growth as a share: 0.1 is a tenth more."""
        return self.multiple / self.baseline - 1

    @property
    def is_slower(self) -> bool:
        """Whether it grew beyond the bound."""
        return self.change > BOUND

    @property
    def is_faster(self) -> bool:
        """Whether it shrank so much that the baseline says too little."""
        return self.change < -BOUND


def judge(counted: Mapping[str, int], baseline: Mapping[str, int]) -> list[Judgement]:
    """Return every counted path but the reference beside the baseline.

    Raises:
        ValueError: If the baseline lacks one.
    """
    if missing := sorted(set(counted) - set(baseline)):
        unknown = ", ".join(missing)
        raise ValueError(f"{BASELINE.name} says nothing of {unknown}. Write it: {_COMMAND} --update")
    return [
        Judgement(
            path=path,
            instructions=instructions,
            multiple=instructions / counted[REFERENCE],
            baseline=baseline[path] / baseline[REFERENCE],
        )
        for path, instructions in counted.items()
        if path != REFERENCE
    ]


def complain(judgements: Sequence[Judgement]) -> str:
    """Return what to do about paths that became slower; empty if none did."""
    slower = [row for row in judgements if row.is_slower]
    if not slower:
        return ""
    lines = [
        f"{row.path} takes {row.change:.1%} more instructions than {BASELINE.name} says, and {BOUND:.0%} are "
        f"allowed: {row.multiple:.3f} empty Flask routes, not {row.baseline:.3f}."
        for row in slower
    ]
    path = slower[0].path
    return "\n".join(
        [
            *lines,
            f"In which Python functions:  {_COMMAND} --where {path}",
            f"In which C functions:       {_COMMAND} --keep profiles",
            f"                            callgrind_annotate profiles/callgrind.out.{path}",
            f"If it is worth it:          {_COMMAND} --update  # and commit {BASELINE.name}",
        ]
    )


def load_baseline() -> dict[str, int]:
    """Return the committed instructions by path."""
    loaded: Counted = json.loads(BASELINE.read_text())
    return loaded["instructions"]


def show_where(path: str) -> None:
    """Print the Python functions of one path that take the most time themselves."""
    profile = cProfile.Profile()
    with (
        tempfile.TemporaryDirectory() as folder,
        run_upstream() as upstream,
        open_paths(Path(folder), upstream.url) as paths,
    ):
        run = paths[path].run
        for _ in range(_PROFILED_RUNS):
            run()
        profile.enable()
        for _ in range(_PROFILED_RUNS):
            run()
        profile.disable()
    print(f"{_PROFILED_RUNS} runs of {path}; the profiler makes functions slower than they are")
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_SHOWN_FUNCTIONS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description="Count the instructions of the request path.")
    parser.add_argument("--update", action="store_true", help="make what is counted now the baseline")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep callgrind's profiles of the paths")
    parser.add_argument("--where", choices=NAMES, help="show in which Python functions a path's time goes")
    options = parser.parse_args(arguments)
    if options.where:
        show_where(options.where)
        return
    counted = count(NAMES, keep=options.keep)
    instructions = counted["instructions"]
    print(f"{REFERENCE:14} {instructions[REFERENCE]:10,} instructions")
    if options.update:
        BASELINE.write_text(json.dumps(counted, indent=2) + "\n")
    judgements = judge(instructions, load_baseline())
    for row in judgements:
        note = "  faster: update the baseline" if row.is_faster else ""
        print(
            f"{row.path:14} {row.instructions:10,} instructions  {row.multiple:7.3f} empty routes"
            f"  {row.change:+7.1%}{note}"
        )
    if problem := complain(judgements):
        sys.exit(f"\n{problem}")


if __name__ == "__main__":
    main()
