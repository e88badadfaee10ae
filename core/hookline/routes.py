"""HTTP routes, free of any web framework: each states its scope or that it is public."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import orjson

from hookline.errors import ConfigurationError
from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.action import JsonObject, Prepare
    from hookline.call import Call
    from hookline.errors import HooklineError
    from hookline.gateway import Gateway
    from hookline.operation import Operation
    from hookline.principal import InboundRequest, Principal


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteRequest:
    """What a route's view gets to see.

    Attributes:
        inbound: The HTTP request.
        principal: Who sent it; None on a public route.
        parameters: Values of the route's ``<name>`` parts.
        gateway: The running gateway.
        call_id: Id of this request.
    """

    inbound: InboundRequest
    principal: Principal | None
    parameters: dict[str, str]
    gateway: Gateway
    call_id: str = ""

    def json(self) -> JsonObject:
        """Return the body, which must be one JSON object.

        Raises:
            UnsupportedMediaTypeError: If its content type says that it is something else.
            MalformedRequestError: If it cannot be read.
            BodyTooLargeError: If it is over the cap.
        """
        from hookline.webhook.bodies import read_json

        return read_json(self.inbound)[0]


@dataclass(kw_only=True, slots=True)
class Reply:
    """An HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Names and values.
        content: Whole body, or an iterator for a stream; the iterator is closed when the client leaves.
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: bytes | Iterator[bytes] = b""


make_reply = maker_of(Reply)
"""Make a reply; what every call needs."""

View = Callable[[RouteRequest], Reply]


def json_reply(value: JsonObject, *, status: int = 200) -> Reply:
    """Return a reply that holds JSON."""
    return Reply(status=status, headers=[("content-type", "application/json")], content=orjson.dumps(value))


class WireFormat(Protocol):
    """How one service shapes its errors, so that its own SDKs understand ours."""

    def error_reply(self, error: HooklineError, *, call_id: str) -> Reply:
        """Return the answer for an error."""
        ...

    def error_event(self, error: HooklineError, *, call_id: str) -> bytes:
        """Return the server-sent event that tells a client of a broken stream."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class WireEndpoint:
    """A route in a service's own format.

    Attributes:
        action: Id of the action that it runs.
        format: The service's error shapes.
        path: Upstream path if not the action's own; ``{name}`` takes a parameter of the route.
        prepare: Writes the caller's body into the upstream request; without it the bytes pass unchanged.
        present: Makes the caller's JSON from the upstream's; without it the bytes pass unchanged.
    """

    action: str
    format: WireFormat
    path: str | None = None
    prepare: Prepare | None = None
    present: Callable[[Call, object], JsonObject] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One address of the gateway.

    Attributes:
        method: Upper-case HTTP method.
        path: Path with ``<name>`` or ``<path:name>`` parts.
        scope: Right that the caller must hold; None on a public route.
        is_public: Whether anybody may call it.
        view: Answers it.
        endpoint: Wire endpoint that answers it instead of a view.
        plugin: Who added it.
        operation: What it takes and answers; None if it is not told to platforms.
    """

    method: str
    path: str
    scope: str | None = None
    is_public: bool = False
    view: View | None = None
    endpoint: WireEndpoint | None = None
    plugin: str = "hookline"
    operation: Operation | None = None


class RouteRegistry:
    """Collects routes; refuses one that says neither scope nor public."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self.formats: dict[str, WireFormat] = {}
        self.plugin = "hookline"

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def add(
        self,
        method: str,
        path: str,
        view: View,
        *,
        scope: str | None = None,
        public: bool = False,
        operation: Operation | None = None,
    ) -> None:
        """Add a route that a function answers.

        Args:
            method: HTTP method.
            path: Path that starts with a slash; may hold ``<name>`` and ``<path:name>``.
            view: Answers a `RouteRequest` with a `Reply`.
            scope: Right that the caller must hold.
            public: Say so to let anybody call it.
            operation: What it takes and answers, for those who import a description of the gateway.

        Raises:
            ConfigurationError: If it states neither or both, or if the address is taken.
        """
        if (scope is None) is not public:
            raise ConfigurationError(f"Route {method} {path} must state either scope=… or public=True.")
        self._add(
            Route(
                method=method.upper(),
                path=path,
                scope=scope,
                is_public=public,
                view=view,
                plugin=self.plugin,
                operation=operation,
            )
        )

    def add_wire(self, method: str, path: str, endpoint: WireEndpoint) -> None:
        """Add a route in a service's own format; it needs the scope ``actions:run``.

        Raises:
            ConfigurationError: If the address is taken.
        """
        self._add(
            Route(
                method=method.upper(), path=path, scope="actions:run", endpoint=endpoint, plugin=self.plugin
            )
        )

    def use_format(self, prefix: str, format: WireFormat) -> None:
        """Shape every error below a path prefix, unknown addresses included, in a service's own way."""
        self.formats[prefix] = format

    def format_of(self, path: str) -> WireFormat | None:
        """Return the wire format of a path, or None where our own is used."""
        for prefix, found in self.formats.items():
            if path == prefix or path.startswith(prefix + "/"):
                return found
        return None

    def _add(self, route: Route) -> None:
        key = (route.method, route.path)
        taken = self._routes.get(key)
        if taken is not None:
            raise ConfigurationError(
                f"Route {route.method} {route.path} of {route.plugin!r} is taken by {taken.plugin!r} already."
            )
        self._routes[key] = route
