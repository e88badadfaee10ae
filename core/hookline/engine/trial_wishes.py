"""The wish that a call be a test which costs nothing: read in one place, and never overheard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.connections import SANDBOX_BASE_URL
from hookline.errors import MalformedRequestError

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.order import Order

TEST_HEADER = "x-hookline-test"
"""Header that asks for a test."""

TEST_PARAMETER = "test"
"""Parameter of an address that says the same; who honours it takes it out of the order."""

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


def is_wish(value: str, *, name: str) -> bool:
    """Tell what the value of a header or parameter asks for.

    Raises:
        MalformedRequestError: If it is neither yes nor no: a call that was meant for a test costs nothing.
    """
    word = value.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise MalformedRequestError(
        f"`{name}` has to be 1 or 0, not {value[:20]!r}.",
        code="invalid_test",
        field=name,
        hint="Send 1 to try the call out at no cost, or leave it out.",
    )


def refuse_unheard(call: Call, order: Order) -> None:
    """Refuse a call that was to be a test, and would run on the service because nobody saw to it.

    Raises:
        MalformedRequestError: If it is one; names the header or parameter.
    """
    connection = call.connection
    if connection.is_simulated or connection.base_url == SANDBOX_BASE_URL:
        return
    for name, values in ((TEST_HEADER, order.headers), (TEST_PARAMETER, order.query)):
        if name in values and is_wish(values[name], name=name):
            raise MalformedRequestError(
                f"`{name}` asks for a test, and this gateway does not run {call.action.id} as one. "
                "Nothing was sent.",
                code="test_not_possible",
                field=name,
                hint=f"Leave `{name}` out to run it on the service, where it may cost money. Tests are what "
                "the plugin `trials` is for.",
            )
