"""S7: how long a refusal takes does not tell whether the key's id exists.

The statistic: the two kinds of refusals are made in random order, so that whatever the machine does meets
both alike. Of each kind the times above its 90th percentile are left out, and the two medians are compared.
How far two medians of one and the same kind lie apart is worked out from the sample itself: each kind is cut
by chance into two halves, many times. The kinds count as the same if their medians differ by less than 2 %,
or by no more than such halves of one kind do.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.principal import InboundRequest
from hookline_auth.key_format import KeyText, new_id, new_secret
from hookline_auth.refusals import RefusedError

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

    from hookline_auth.key_ring import KeyRing

EACH = 10_000
MOST_S = 60.0
SHARE = 0.02
SPLITS = 200


def trimmed_median(times: list[int]) -> float:
    ordered = sorted(times)
    return statistics.median(ordered[: int(len(ordered) * 0.9)])


def noise(times: list[int], chance: random.Random) -> float:
    """Return how far the medians of two halves of the same times lie apart, at the most."""
    found = []
    for _ in range(SPLITS):
        mixed = chance.sample(times, len(times))
        half = len(mixed) // 2
        found.append(abs(trimmed_median(mixed[:half]) - trimmed_median(mixed[half:])))
    return max(found)


def time_refusals(lab: Lab, ids: list[str], chance: random.Random) -> dict[bool, list[int]]:
    """Return the times in nanoseconds of refusals, by whether the id exists."""
    ring: KeyRing = lab.callers.ring()
    request = InboundRequest(method="POST", path="/actions/acme.say", headers={})
    times: dict[bool, list[int]] = {True: [], False: []}
    order = [True, False] * EACH
    chance.shuffle(order)
    ends_at = time.monotonic() + MOST_S
    for is_known in order:
        key = KeyText(id=chance.choice(ids) if is_known else new_id(chance.choice), secret=new_secret())
        text = key.reveal()
        began = time.perf_counter_ns()
        try:
            ring.find_by_key(key, text, request)
        except RefusedError:
            times[is_known].append(time.perf_counter_ns() - began)
        if time.monotonic() > ends_at:
            break
    return times


def test_s7_the_time_of_a_refusal_does_not_tell_whether_an_id_exists(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    """S7: unknown id against wrong secret, 10,000 each, on SQLite."""
    chance = random.Random(7)
    lab = make_lab(state_dir=tmp_path)
    ids = [lab.make(label=f"key number {number}").record.id for number in range(200)]

    times = time_refusals(lab, ids, chance)

    known, unknown = trimmed_median(times[True]), trimmed_median(times[False])
    difference = abs(known - unknown)
    allowed = max(SHARE * min(known, unknown), noise(times[True], chance), noise(times[False], chance))
    print(
        f"\n{len(times[True])} + {len(times[False])} refusals: median {known / 1000:.1f} µs where the id "
        f"exists, {unknown / 1000:.1f} µs where not; difference {difference / known:.2%}, "
        f"allowed {allowed / known:.2%}"
    )
    assert min(len(times[True]), len(times[False])) >= 1000
    assert difference <= allowed
