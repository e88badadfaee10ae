"""What brings jobs to a worker: the seam between jobs and the queue below them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

RunJob = Callable[[str, int], None]
"""Runs a job by its id and the number of its run. Never raises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One run of one job, as it stands in the queue.

    Attributes:
        job_id: The job.
        run: Number of the run; a job that is run again gets another ticket.
        priority: Lower ones go first; at least 1.
        lane: Jobs of one lane share its places; the name of an upstream account.
        delay_s: Seconds before it may run.
    """

    job_id: str
    run: int
    priority: int
    lane: str
    delay_s: float = 0.0

    @property
    def id(self) -> str:
        """What the queue calls it; the same run has the same one, so it is queued once."""
        return f"{self.job_id}.{self.run}"


class JobEngine(Protocol):
    """A queue of tickets, and the threads that take them."""

    def start(self, run: RunJob) -> None:
        """Begin; jobs that were queued by others may come at once.

        Raises:
            HooklineError: If that cannot be done now.
        """
        ...

    def put(self, ticket: Ticket) -> None:
        """Queue a run; one that is queued already is left alone.

        Raises:
            Exception: If the queue cannot be reached.
        """
        ...

    def lost(self, tickets: Sequence[Ticket], *, alive: Collection[str]) -> list[Ticket]:
        """Return those of the tickets that nobody will run any more.

        Args:
            tickets: Runs that were queued and have not begun.
            alive: Ids of the workers that are alive.
        """
        ...

    def sweep(self, *, alive: Collection[str]) -> None:
        """Remove runs that dead workers hold: they would take up places of their lanes for ever.

        Args:
            alive: Ids of the workers that are alive.
        """
        ...

    def forget(self, ids: Sequence[str]) -> None:
        """Remove what is left in the queue of runs that are over."""
        ...

    def stop(self, *, within_s: float) -> None:
        """Take nothing more, and wait for what runs, but not for long."""
        ...
