"""Gateways that live as long as a module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from live_gateway import Server, Start, run_server

# Back-offs that take no time, and no wait of a second or more.
QUICK_RETRIES = {"HOOKLINE_RETRY_FIRST_WAIT_S": "0.01", "HOOKLINE_RETRY_MAX_TOTAL_S": "0.5"}


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start gateways that live as long as the module's tests."""
    folder = tmp_path_factory.mktemp("gateway")
    with ExitStack() as stack:
        yield lambda **environ: stack.enter_context(run_server(folder, **environ))


@pytest.fixture(scope="module")
def server(start_server: Start) -> Server:
    """A gateway over the sandbox inside it."""
    return start_server(
        HOOKLINE_SANDBOX="1",
        HOOKLINE_HEARTBEAT_S="0.5",
        HOOKLINE_MAX_BODY_BYTES="4000000",
        HOOKLINE_AUTH_FAILURES_PER_MINUTE="10000",  # these tests fail on purpose
        **QUICK_RETRIES,
    )
