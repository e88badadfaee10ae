"""Show what each platform sees of an answer that takes 2, 35 or 130 seconds, and that none is lost.

    python tests/system/platform_table.py

A second takes a hundredth of one: both the service and the callers' patience are scaled alike.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from typing import TYPE_CHECKING

from hookline_jobs.profiles import PROFILES
from jobs_lab import JobsLab
from small_service import whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

PACE = 0.01
_AT_ONCE = 6
_PATIENCE_S = 30.0
TAKES_S = (2, 35, 130)
# Python 3.11 fails when two threads read source code at once, which werkzeug does for every route.
_MAKING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One call of one platform.

    Attributes:
        platform: Name of the profile, and how the call asked.
        takes_s: Seconds until the service has answered.
        seen: What the platform saw: status and, in words, what it makes of it.
        after_s: Seconds after which it saw that.
        requests: How often the service was asked.
        result: The text that was obtained in the end, or what came instead.
    """

    platform: str
    takes_s: int
    seen: str
    after_s: float
    requests: int
    result: str


def run_all() -> list[Row]:
    """Make a call for every platform and every time."""
    asked = [(name, "", f"?profile={name}") for name in sorted(PROFILES)]
    asked.append(("zapier, may come later", "respond-async, wait=25", ""))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        rows = [
            threads.submit(run_one, platform, takes_s, prefer=prefer, ask=ask)
            for platform, prefer, ask in asked
            for takes_s in TAKES_S
        ]
    return [row.result() for row in rows]


def run_one(platform: str, takes_s: int, *, prefer: str, ask: str) -> Row:
    """Make one call, and fetch its result as the platform would or as the error says."""
    wait_s = PROFILES[platform].wait_s if platform in PROFILES else 25

    has_seen = threading.Event()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        time.sleep(takes_s * PACE)
        if (
            takes_s > wait_s
        ):  # a busy machine may wake its caller late; the answer is not there by then either
            has_seen.wait(_PATIENCE_S)
        return whole({"text": "the answer"})

    with _MAKING:
        lab = JobsLab(answer=answer, pace=PACE)
    try:
        lab.office.desk  # noqa: B018 - what is made once must not count as waiting
        lab.gateway.database.ping()
        began_at = time.monotonic()
        first = lab.call(query=ask, prefer=prefer)
        has_seen.set()
        after_s = (time.monotonic() - began_at) / PACE
        body = first.json or {}
        if first.status_code == 200:
            seen, result = "200, the answer", body
        elif first.status_code == 202:
            seen, result = "202, polls", lab.result(first.headers["location"]).json
        else:
            seen, result = f"{first.status_code}, names the job", lab.result(body["job"]["result_url"]).json
        text = str((result or {}).get("text", result))
        return Row(
            platform=platform,
            takes_s=takes_s,
            seen=seen,
            after_s=after_s,
            requests=len(lab.upstream.sent),
            result=text,
        )
    finally:
        lab.close()


def main() -> None:
    print(f"{'platform':<24}{'answer takes':>13}  {'it sees':<24}{'after':>8}  {'requests':>8}  result")
    for row in run_all():
        print(
            f"{row.platform:<24}{row.takes_s:>11} s  {row.seen:<24}{row.after_s:>6.0f} s  "
            f"{row.requests:>8}  {row.result}"
        )


if __name__ == "__main__":
    main()
