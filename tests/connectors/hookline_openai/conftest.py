from __future__ import annotations

import time
from typing import Protocol

import pytest

from hookline.call import Call, Door
from hookline.connection import Connection
from hookline.principal import Principal
from hookline_openai.connector import connector


class MakeCall(Protocol):
    def __call__(
        self,
        verb: str,
        input: dict[str, object] | None = None,
        *,
        door: Door = "action",
        native: bool = False,
    ) -> Call: ...


@pytest.fixture
def make_call() -> MakeCall:
    def make(
        verb: str, input: dict[str, object] | None = None, *, door: Door = "action", native: bool = False
    ) -> Call:
        return Call(
            action=connector.actions[f"openai.{verb}"],
            principal=Principal(key_id="k1"),
            connection=Connection(
                name="openai",
                connector="openai",
                base_url="https://api.openai.com/v1",
                options={"native_edits": native},
            ),
            door=door,
            input=input or {},
            deadline=time.monotonic() + 60,
        )

    return make
