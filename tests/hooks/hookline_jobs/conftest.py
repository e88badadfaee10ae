from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs_lab import JobsLab


@pytest.fixture
def make_lab() -> Iterator[Callable[..., JobsLab]]:
    """Make gateways with jobs, and close them."""
    made: list[JobsLab] = []

    def make(*plugins: object, **options: Any) -> JobsLab:
        made.append(JobsLab(*plugins, **options))
        return made[-1]

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def lab(make_lab: Callable[..., JobsLab]) -> JobsLab:
    return make_lab()
