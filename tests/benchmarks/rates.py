"""Requests per second: which rows there are, rounds that take turns, and the table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from tests.benchmarks.load import Target, check_answer, run

if TYPE_CHECKING:
    from tests.benchmarks.load import Generator, Result
    from tests.benchmarks.servers import Server

DIRECT = "upstream, direct"
EMPTY = "empty Flask route"
WIRE_PATH = "/v1/chat/completions"
ACTION_PATH = "/actions/openai.chat"

_PROMPT = "Summarise in one sentence what a gateway between low-code tools and a language model is good for."
_SYSTEM = "You answer in plain words and never use more than thirty of them."
_WARM_UP_S = 1.0


class Row(TypedDict):
    """One line of the table.

    Attributes:
        name: Which way the requests took.
        per_s: Median requests per second over the rounds.
        lowest: Slowest round.
        highest: Fastest round.
        to_empty: ``per_s`` as a share of the empty Flask route's.
        to_direct: ``per_s`` as a share of the upstream's own.
        p50_ms: Median over the rounds of the median latency.
        p99_ms: Median over the rounds of the 99th percentile of latency.
        requests: Answers that came, over all rounds.
        failures: Those that were no 200, and connections that broke.
    """

    name: str
    per_s: float
    lowest: float
    highest: float
    to_empty: float
    to_direct: float
    p50_ms: float
    p99_ms: float
    requests: int
    failures: int


def wire_body(**changes: object) -> bytes:
    """Return a chat in OpenAI's own format."""
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _PROMPT}]
    return _dump({**_OPTIONS, "messages": messages, **changes})


def action_body(**changes: object) -> bytes:
    """Return the same chat as the input of the action."""
    return _dump({**_OPTIONS, "system": _SYSTEM, "prompt": _PROMPT, **changes})


def make_targets(
    upstream: Server, empty: Server, gateway: Server, chatty: Server, *, large: bool
) -> list[Target]:
    """Return what is measured: the two references first."""
    wire, action = wire_body(), action_body()
    text = b'"text":"A gateway'
    targets = [
        Target(name=DIRECT, url=upstream.url + WIRE_PATH, body=wire, expect=b"chatcmpl-"),
        Target(name=EMPTY, url=empty.url + WIRE_PATH, body=wire, expect=b"{}"),
        Target(name="gateway, wire door", url=gateway.url + WIRE_PATH, body=wire, expect=b"chatcmpl-"),
        Target(name="gateway, action door", url=gateway.url + ACTION_PATH, body=action, expect=text),
        Target(name="wire door, log level info", url=chatty.url + WIRE_PATH, body=wire, expect=b"chatcmpl-"),
        Target(name="action door, log level info", url=chatty.url + ACTION_PATH, body=action, expect=text),
    ]
    if large:
        texts = [f"sentence number {number}" for number in range(16)]
        body = _dump({"model": "text-embedding-3-small", "input": texts})
        targets += [
            Target(name=name, url=url, body=body, expect=b"embedding")
            for name, url in (
                ("embeddings, direct", f"{upstream.url}/v1/embeddings"),
                ("embeddings, wire door", f"{gateway.url}/v1/embeddings"),
                ("embeddings, action door", f"{gateway.url}/actions/openai.embed"),
            )
        ]
    return targets


def measure(
    targets: Sequence[Target], *, generator: Generator, connections: int, seconds: float, rounds: int
) -> list[Row]:
    """Measure every target once per round; each round begins with another one.

    Raises:
        RuntimeError: If the first answer of a target is not the right one.
    """
    for target in targets:
        check_answer(target)
        run(target, generator=generator, connections=connections, seconds=min(_WARM_UP_S, seconds))
    results: dict[str, list[Result]] = {target.name: [] for target in targets}
    for number in range(rounds):
        turn = number % len(targets)
        for target in (*targets[turn:], *targets[:turn]):
            result = run(target, generator=generator, connections=connections, seconds=seconds)
            results[target.name].append(result)
    medians = {name: statistics.median(result.per_s for result in found) for name, found in results.items()}
    return [
        Row(
            name=name,
            per_s=medians[name],
            lowest=min(result.per_s for result in found),
            highest=max(result.per_s for result in found),
            to_empty=medians[name] / medians[EMPTY],
            to_direct=medians[name] / medians[DIRECT],
            p50_ms=statistics.median(result.p50_ms for result in found),
            p99_ms=statistics.median(result.p99_ms for result in found),
            requests=sum(result.requests for result in found),
            failures=sum(result.failures for result in found),
        )
        for name, found in results.items()
    ]


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    lines = [
        f"{'':28}{'median':>8} {'range':>15} {'/empty':>7} {'/direct':>8} "
        f"{'p50 ms':>7} {'p99 ms':>7} {'failed':>7}"
    ]
    for row in rows:
        span = f"{row['lowest']:.0f}-{row['highest']:.0f}"
        lines.append(
            f"{row['name']:28}{row['per_s']:8.0f} {span:>15} {row['to_empty']:7.3f} {row['to_direct']:8.3f} "
            f"{row['p50_ms']:7.1f} {row['p99_ms']:7.1f} {row['failures']:7}"
        )
    return "\n".join(lines)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_OPTIONS = {"model": "gpt-5.4-mini", "temperature": 0.2, "max_completion_tokens": 200}
