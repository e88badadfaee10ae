"""What a call pays for its connection does not grow with those that it may not use."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from hookline.connection import Connection
from hookline.errors import PermissionDeniedError
from hookline.principal import Principal
from hookline_connections.book import Snapshot
from hookline_connections.choosing import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

    from connections_lab import Lab


class Asked(Candidate):
    """Notes that it was looked at."""

    seen: list[str] = []  # noqa: RUF012  # of the class on purpose: its objects cannot be changed

    def serves(self, model: str | None) -> bool:
        self.seen.append(self.connection.name)
        return super().serves(model)


def snapshot_of(count: int) -> Snapshot:
    found = tuple(
        Asked(connection=Connection(name=f"account{number}", connector="acme", base_url="https://a.example"))
        for number in range(count)
    )
    return Snapshot(shared={"acme": found})


def caller(*connections: str) -> Principal:
    return Principal(key_id="k", tenant="t", connections=connections)


def test_of_many_shared_ones_a_key_looks_at_those_it_names(make_lab: Callable[..., Lab]) -> None:
    office, snapshot = make_lab().office, snapshot_of(10_000)
    Asked.seen.clear()
    found = office.find(snapshot, caller("account7", "account4", "elsewhere"), "acme", model="m")
    assert {one.connection.name for one in found} == {"account4", "account7"}
    assert Asked.seen == ["account4", "account7"]


def test_a_key_that_names_none_gets_all_in_the_order_that_chance_gives(make_lab: Callable[..., Lab]) -> None:
    office, snapshot = make_lab().office, snapshot_of(3)
    office._random = random.Random(7).random
    found = office.find(snapshot, caller(), "acme")
    assert sorted(one.connection.name for one in found) == ["account0", "account1", "account2"]


def test_a_key_whose_connections_are_gone_is_told_their_names(make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(PermissionDeniedError, match="may use the connection elsewhere only"):
        make_lab().office.find(snapshot_of(3), caller("elsewhere"), "acme")
