"""Gateways that all tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from live_gateway import Server, run_server
from mcp_lab import client_of, make_gateway

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    """A client of a gateway in this process that names its own rights."""
    gateway = make_gateway()
    yield client_of(gateway)
    gateway.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway in a process of its own."""
    folder = tmp_path_factory.mktemp("gateway")
    with run_server(folder, HOOKLINE_SANDBOX="1", HOOKLINE_HEARTBEAT_S="0.2") as server:
        yield server
