"""Calls that are tried out: they run on the sandbox in place of the service, and spend nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.connection import Connection
from hookline.connections import SANDBOX_BASE_URL
from hookline.engine.trial_wishes import TEST_HEADER, TEST_PARAMETER, is_wish
from hookline.errors import MalformedRequestError, PermissionDeniedError
from hookline.principal import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.call import Call
    from hookline.order import Order
    from hookline_trials.options import TrialsOptions

NAME = "sandbox"
"""Name of the connection that such calls have, by which usage tells them from others."""

_CONNECTOR = "openai"  # the one service that the sandbox simulates; of others it knows the actions


def with_header(order: Order) -> Order:
    """Return an order whose header says what its parameter ``test`` says.

    Raises:
        MalformedRequestError: If the parameter says neither yes nor no, or the header the opposite.
    """
    query = {name: value for name, value in order.query.items() if name != TEST_PARAMETER}
    headers = order.headers
    wish = is_wish(order.query[TEST_PARAMETER], name=TEST_PARAMETER)
    if TEST_HEADER in headers and is_wish(headers[TEST_HEADER], name=TEST_HEADER) is not wish:
        raise MalformedRequestError(
            f"`{TEST_PARAMETER}` in the address and the header `{TEST_HEADER}` contradict each other.",
            code="invalid_test",
            field=TEST_PARAMETER,
            hint="Send one of them, or the same in both.",
        )
    if wish:
        headers = {**headers, TEST_HEADER: "1"}
    return replace(order, query=query, headers=headers)


def choose(call: Call, options: TrialsOptions, *, has_sandbox: bool) -> Sequence[Connection] | None:
    """Return the sandbox for a call that is to be tried out, None for all others.

    A call inside of one that is tried out is tried out too, whoever wants it.

    Args:
        call: The call.
        options: What is set.
        has_sandbox: Whether there is a sandbox.

    Raises:
        PermissionDeniedError: If tests are switched off, or there is no sandbox.
        MalformedRequestError: If it is to be answered in the format of a service that is not simulated.
    """
    above = call.parent
    is_inside = above is not None and above.connection.is_simulated
    if not is_inside:
        wish = call.headers.get(TEST_HEADER)
        if wish is None or not is_wish(wish, name=TEST_HEADER):
            if not (has_sandbox and options.enabled and _has_model_of(call, options)):
                return None
        elif not (has_sandbox and options.enabled):
            raise PermissionDeniedError(
                "This gateway runs no tests on its sandbox.",
                code="tests_not_allowed",
                field=TEST_HEADER,
                hint=f"Leave `{TEST_HEADER}` out; the call then runs on the service and may cost money.",
            )
    connector = call.action.connector
    if connector.id != _CONNECTOR and call.door == "wire":
        raise MalformedRequestError(
            f"{call.action.id} cannot be tried out in {connector.title}'s own format.",
            code="test_not_possible",
            field=TEST_HEADER,
            hint=f"`POST /actions/{call.action.id}` can be.",
        )
    call.record.headers[TEST_HEADER] = "1"
    return [
        Connection(
            name=NAME,
            connector=connector.id,
            base_url=SANDBOX_BASE_URL,
            options=call.connection.options,
            tenant=call.principal.tenant,
            is_simulated=True,
        )
    ]


def _has_model_of(call: Call, options: TrialsOptions) -> bool:
    """Tell whether a call asks the service for a model that is the sandbox's.

    A service on this machine is asked itself: it may be a sandbox, and has models of these names then.
    """
    model = call.input.get("model")
    return (
        isinstance(model, str)
        and matches(options.models, model)
        and call.action.connector.id == _CONNECTOR
        and call.connection.base_url != SANDBOX_BASE_URL
        and not _is_on_this_machine(call.connection.base_url)
    )


@lru_cache(maxsize=256)
def _is_on_this_machine(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
