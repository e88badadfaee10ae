"""``connections`` as options of a form: the accounts by name that a caller may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import MalformedRequestError
from hookline.sources import Source, SourceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookline_connections.choosing import Candidate
    from hookline_connections.office import Office

_PARAMETER = "connector"


def make_source(office: Office) -> Source:
    """Return the source; what is known of connections is kept elsewhere, so that it keeps nothing itself."""
    return Source(
        id="connections",
        title="Connections",
        list=lambda request: list_names(office, request),
        parameters=(_PARAMETER,),
        cache_s=0,
    )


def list_names(office: Office, request: SourceRequest) -> Iterable[tuple[str, str]]:
    """Return name and label of the connections that a caller's calls may use.

    Neither addresses nor credentials are in it.

    Raises:
        MalformedRequestError: If there is no such connector.
        StoreUnavailableError: If it is not known which there are.
    """
    connectors = office.gateway.catalog.connectors
    wanted = request.parameters.get(_PARAMETER)
    if wanted is not None and wanted not in connectors:
        raise MalformedRequestError(
            f"The parameter `{_PARAMETER}` names {wanted[:80]!r}; known: {', '.join(sorted(connectors))}.",
            code="invalid_query",
            field=_PARAMETER,
            hint="Correct the parameter, or leave it out for all connections.",
        )
    found = []
    for id in sorted(connectors) if wanted is None else [wanted]:
        for one in _usable(office, request, id):
            name = one.connection.name
            found.append((name, f"{connectors[id].title} · {name}"))
    return found


def _usable(office: Office, request: SourceRequest, connector: str) -> Iterator[Candidate]:
    snapshot, principal = office.book.current(), request.principal
    own = snapshot.own.get((principal.tenant, connector))
    shared = snapshot.shared.get(connector, ())
    with_shared = own is None or office.options.base.fall_back_to_shared
    for one in (*(own or ()), *(shared if with_shared else ())):
        if principal.may_use_connection(one.connection.name):
            yield one
