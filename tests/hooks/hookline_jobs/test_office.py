"""What stays of jobs in a process when their gateway is gone."""

from __future__ import annotations

import gc
import weakref

import pytest

from hookline_jobs.office import office_of
from jobs_lab import JobsLab


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_gateway_that_nobody_holds_any_more_is_let_go(is_closed: bool) -> None:
    lab = JobsLab()
    gateway = lab.gateway
    assert office_of(gateway).gateway is gateway
    if is_closed:
        lab.close()

    left = weakref.ref(gateway)
    del lab, gateway
    gc.collect()

    assert left() is None
