"""Which connections a call may use, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import PermissionDeniedError
from hookline.principal import matches

if TYPE_CHECKING:
    from hookline.connection import Connection
    from hookline.connector import Connector
    from hookline.principal import Principal
    from hookline_connections.rows import StoredConnection
    from hookline_connections.standing import Standing

PLAN = "connections"
"""Where a call's `Plan` is in its ``state``."""

NAME_HEADER = "x-hookline-connection"

Random = Callable[[], float]
"""Returns a number from 0 up to, but not including, 1."""

_HINT = "Ask whoever runs this gateway which connections your key may use."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """An upstream account that calls may use.

    Attributes:
        connection: The account.
        weight: Share of the calls among those of the same priority; 0 is asked only after all others.
        priority: The lowest is asked first.
        models: Patterns of the models that it serves.
        row: Where it is stored; None for one of the settings.
        made_for: The connector whose address and options it was made with.
    """

    connection: Connection
    weight: int = 1
    priority: int = 0
    models: tuple[str, ...] = ("*",)
    row: StoredConnection | None = None
    made_for: Connector | None = None

    def serves(self, model: str | None) -> bool:
        """Tell whether it serves a model; a request that names none is served by all."""
        return model is None or matches(self.models, model)


@dataclass(kw_only=True, slots=True)
class Plan:
    """What was chosen for one call.

    Attributes:
        candidates: The accounts, the best first.
        model: The model that the caller asked for.
        tried: Ids of those that failed.
        shaped_for: The account that the request was made for: the first that was tried.
    """

    candidates: tuple[Candidate, ...]
    model: str | None
    tried: set[str] = field(default_factory=set)
    shaped_for: Connection | None = None

    @property
    def alike(self) -> list[Candidate]:
        """Those that can take the request as it was made; other options would have made another one."""
        if self.shaped_for is None:
            return list(self.candidates)
        options = self.shaped_for.options
        return [one for one in self.candidates if one.connection.options == options]

    def find(self, connection: Connection) -> Candidate | None:
        """Return what is known of one of these accounts."""
        return next((one for one in self.candidates if one.connection is connection), None)


def narrow(
    candidates: Iterable[Candidate], principal: Principal, model: str | None, *, connector: str
) -> list[Candidate]:
    """Return those that a caller may use for a model.

    Args:
        candidates: What there is for it.
        principal: The caller.
        model: The model that it asks for, if any.
        connector: Id of the connector, for messages.

    Raises:
        PermissionDeniedError: If none is left. The names it may use are the caller's own, so they are told.
    """
    found = list(candidates)
    if principal.connections:
        found = [one for one in found if principal.may_use_connection(one.connection.name)]
        if not found:
            names = ", ".join(principal.connections[:5])
            raise PermissionDeniedError(
                f"This key may use the connection {names} only, and none of that name can be used for "
                f"{connector!r}.",
                code="no_connection",
                hint=_HINT,
            )
    if not found:
        raise PermissionDeniedError(
            f"Your connections to {connector!r} are all switched off or not usable.",
            code="no_connection",
            hint=_HINT,
        )
    serving = [one for one in found if one.serves(model)]
    if not serving:
        raise PermissionDeniedError(
            f"No connection that this key may use serves the model {str(model)[:80]!r}.",
            code="no_connection",
            field="model",
            hint="Ask for another model, or have this one added to a connection.",
        )
    return serving


def put_in_order(candidates: list[Candidate], random: Random) -> list[Candidate]:
    """Return candidates by priority, in each priority by chance and weight, and those of weight 0 at the end.

    Source: Efraimidis and Spirakis, weighted random sampling: the order by ``random ** (1 / weight)`` is that
    of drawing one after another, each as likely as its weight.
    """
    if len(candidates) == 1:
        return candidates
    keys = [
        (one.weight <= 0, one.priority, -(random() ** (1 / one.weight)) if one.weight > 0 else 0.0)
        for one in candidates
    ]
    return [candidates[index] for index in sorted(range(len(candidates)), key=keys.__getitem__)]


def put_failed_last(
    candidates: list[Candidate], standing: Standing, *, model: str | None, now_s: float
) -> list[Candidate]:
    """Return candidates with those that failed lately behind the others, the soonest free first."""
    if len(candidates) == 1:
        return candidates
    return sorted(candidates, key=lambda one: standing.avoided_s(one.connection.id, model=model, now_s=now_s))
