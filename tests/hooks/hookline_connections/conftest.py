"""Gateways with the small service and stored connections; `connections_lab` makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from connections_lab import OPERATOR, Lab, caller_of, open_lab
from servers import database, database_url, new_database, postgres_server, postgres_url

if TYPE_CHECKING:
    from pathlib import Path

    from hookline import Principal
    from hookline_connections.desk import Actor

__all__ = ["database", "database_url", "new_database", "postgres_server", "postgres_url"]

MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[MakeLab]:
    """Make gateways over the same state folder, unless another is named; they are closed at the end."""
    labs: list[Lab] = []

    def make(**more: Any) -> Lab:
        labs.append(open_lab(**{"state_dir": tmp_path, **more}))
        return labs[-1]

    yield make
    for lab in labs:
        lab.gateway.close()


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    return make_lab()


@pytest.fixture
def caller() -> Callable[..., Principal]:
    """Make a caller of a tenant."""
    return caller_of


@pytest.fixture
def operator() -> Actor:
    return OPERATOR
