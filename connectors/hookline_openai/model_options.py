"""``openai.models``: the models that a form lets people choose from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from hookline.errors import HooklineError, MalformedRequestError
from hookline_openai.list_models import Kind
from hookline_openai.model_table import ModelTable, table_of
from hookline_openai.settings import is_official

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from hookline.action import JsonObject
    from hookline.connection import Connection
    from hookline.connector import Connector
    from hookline.sources import SourceRequest

_NUMBERS = re.compile(r"(\d+)")


def list_model_options(request: SourceRequest) -> Iterable[tuple[str, str]]:
    """Return the models that the caller may use, those that stay and are new first.

    They are those that the service lists for the caller. If it does not answer, or the caller may not ask
    it, they are those of the table of models, with a warning.

    Raises:
        MalformedRequestError: If the kind is none.
    """
    kind = request.parameters.get("kind")
    if kind is not None and kind not in get_args(Kind):
        raise MalformedRequestError(
            f"The parameter `kind` has to be one of {', '.join(get_args(Kind))}.",
            code="invalid_query",
            field="kind",
            hint="Correct the parameter, or leave it out for all models.",
        )
    try:
        output = request.run("openai.list_models")
    except HooklineError as exc:
        connection = _connection_of(request)
        _warn(request, connection, exc)
        found = _of_table(table_of(connection), request.gateway.clock.now().date())
    else:
        connection = _connection_of(request)
        found = _of_service(output, table_of(connection) if is_official(connection) else None)
    if kind is not None and is_official(connection):  # elsewhere a name says nothing of what a model is
        table = table_of(connection)
        found = [one for one in found if (row := table.find(one[0])) is None or row.kind == kind]
        found.sort(key=lambda one: table.find(one[0]) is None)  # of these nobody knows what they are
    may_use = request.principal.may_use_model
    found.sort(key=lambda one: bool(one[1]))  # what has an end comes last; within, the order stays
    return [(id, f"{id} (ends {ends})" if ends else id) for id, ends in found if may_use(id)]


def _connection_of(request: SourceRequest) -> Connection:
    """Return the account that was asked, or would have been by the settings."""
    return request.calls[-1].connection if request.calls else request.gateway.connections["openai"]


def _of_service(output: JsonObject, table: ModelTable | None) -> list[tuple[str, str]]:
    """Return id and last day of what the service lists, newest first; the table knows days, too."""
    models = output.get("models")
    found = []
    for model in models if isinstance(models, list) else ():
        id, ends = str(model["id"]), model.get("shutdown_date")
        row = None if table is None else table.find(id)
        if ends is None and row is not None and row.shutdown_on is not None:
            ends = row.shutdown_on.isoformat()
        found.append((id, str(ends or "")))
    return found


def _of_table(table: ModelTable, today: date) -> list[tuple[str, str]]:
    living = [row for row in table if not row.is_retired(today)]
    living.sort(key=lambda row: (_generation(row.id), *_natural(row.id)), reverse=True)
    return [(row.id, "" if row.shutdown_on is None else row.shutdown_on.isoformat()) for row in living]


def _generation(id: str) -> tuple[int, str]:
    """Return the first number of a name, which is higher for what is newer; a year is none."""
    number = _NUMBERS.search(id)
    return (int(number[0]) if number and len(number[0]) < 3 else -1, "")


def _natural(id: str) -> Iterator[tuple[int, str]]:
    for part in _NUMBERS.split(id):
        yield (int(part), "") if part.isdecimal() else (-1, part)


def _warn(request: SourceRequest, connection: Connection, error: HooklineError) -> None:
    known = (
        "These are the models that were known when this version was made; others can be typed in."
        if is_official(connection)
        else "These are OpenAI's own, and this server may have others, which can be typed in."
    )
    request.warn("models_not_live", f"The service's own list could not be read: {error.message} {known}")


def register(connector: Connector) -> None:
    """Add the source to the connector."""
    connector.source("models", title="Models", parameters=["kind"])(list_model_options)
