"""What the addresses below ``/connections`` answer: always about the caller's own tenant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from hookline.errors import InvalidInputError
from hookline.routes import Reply, json_reply
from hookline_connections.desk import Actor
from hookline_connections.drafts import Draft

if TYPE_CHECKING:
    from hookline.principal import Principal
    from hookline.routes import RouteRegistry, RouteRequest
    from hookline_connections.office import Office

ADMIN = "connections:admin"
TEST = "connections:test"

B = TypeVar("B", bound=BaseModel)

_FOR_OPERATORS = {"tenant", "options", "credential_ref", "allowed_origins", "allow_origin"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)


class _New(_Body):
    name: str
    connector: str | None = None
    base_url: str | None = Field(None, max_length=2000)
    credential: SecretStr | None = None
    weight: int = 1
    priority: int = 0
    models: list[str] = ["*"]


class _Rotation(_Body):
    credential: SecretStr


class _Question(_Body):
    connector: str | None = None
    connection: str | None = None


class Views:
    """Answers the routes.

    Args:
        office: What they work with.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def add_to(self, routes: RouteRegistry) -> None:
        """Add the routes."""
        routes.add("GET", "/connections", self.list, scope=ADMIN)
        routes.add("POST", "/connections", self.add, scope=ADMIN)
        routes.add("POST", "/connections/<name>/rotate", self.rotate, scope=ADMIN)
        routes.add("DELETE", "/connections/<name>", self.remove, scope=ADMIN)
        routes.add("POST", "/connections/test", self.test, scope=TEST)

    def list(self, request: RouteRequest) -> Reply:
        """Answer ``GET /connections``: the tenant's own, without any secret."""
        desk = self._office.desk()
        rows = desk.table.read(_caller(request).tenant)
        return json_reply({"connections": [desk.describe(row) for row in rows], "count": len(rows)})

    def add(self, request: RouteRequest) -> Reply:
        """Answer ``POST /connections``: store one."""
        principal, body = _caller(request), _read(request, _New)
        options = self._office.options.base
        desk = self._office.desk()
        row = desk.add(
            Draft(
                tenant=principal.tenant,
                name=body.name,
                connector=body.connector,
                base_url=body.base_url,
                secret=None if body.credential is None else body.credential.get_secret_value(),
                weight=body.weight,
                priority=body.priority,
                models=tuple(body.models),
            ),
            _actor(request, principal),
            tenant_origins=options.allowed_origins,
            most=options.max_per_tenant,
        )
        return json_reply(desk.describe(row), status=201)

    def rotate(self, request: RouteRequest) -> Reply:
        """Answer ``POST /connections/{name}/rotate``: replace the credential."""
        principal, body = _caller(request), _read(request, _Rotation)
        desk = self._office.desk()
        row = desk.rotate(
            principal.tenant,
            request.parameters["name"],
            _actor(request, principal),
            secret=body.credential.get_secret_value(),
        )
        return json_reply(desk.describe(row))

    def remove(self, request: RouteRequest) -> Reply:
        """Answer ``DELETE /connections/{name}``: forget it."""
        principal = _caller(request)
        self._office.desk().remove(principal.tenant, request.parameters["name"], _actor(request, principal))
        return Reply(status=204)

    def test(self, request: RouteRequest) -> Reply:
        """Answer ``POST /connections/test``: does it work, and under which name do people know it."""
        from hookline_connections.trial import try_connector, try_named

        principal, body = _caller(request), _read(request, _Question)
        if (body.connector is None) is (body.connection is None):
            raise InvalidInputError("Name either a `connector` or a `connection`.", field="connection")
        client = request.inbound.client
        if body.connection is not None:
            trial = try_named(self._office, principal, body.connection, client=client)
        else:
            trial = try_connector(self._office, principal, body.connector or "", client=client)
        return json_reply(trial.as_json(), status=trial.status)


def _caller(request: RouteRequest) -> Principal:
    assert request.principal is not None  # each of these routes has a scope
    return request.principal


def _actor(request: RouteRequest, principal: Principal) -> Actor:
    return Actor(name=principal.key_id, client=request.inbound.client)


def _read(request: RouteRequest, model: type[B]) -> B:
    try:
        return model.model_validate(request.json())
    except ValidationError as exc:
        problem = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])[:80]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = (
                "only whoever runs this gateway may set this, on the command line"
                if where in _FOR_OPERATORS
                else f"there is no such field; {_known(where, tuple(model.model_fields))}"
            )
        end = "" if message.endswith("?") else "."
        raise InvalidInputError(f"`{where}`: {message}{end}", field=where) from None


def _known(name: str, fields: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, fields, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(fields)}"
