"""``/openapi.json`` and ``/exports``: the catalog as files, for whoever may read it."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING

from hookline.errors import (
    ConfigurationError,
    ExportRefusedError,
    InvalidInputError,
    NotFoundError,
    StoreUnavailableError,
)
from hookline.etags import is_known
from hookline.exports.wishes import check_server_url, find_target, pick_wanted, read_patterns
from hookline.routes import Reply, json_reply

if TYPE_CHECKING:
    from hookline.exports.export import Export
    from hookline.exports.shelf import Shelf
    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway
    from hookline.routes import RouteRegistry, RouteRequest

_MAX_TRIES = 5
_PARAMETERS = ("actions", "server")
_TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8", ".zip": "application/zip"}


class ExportViews:
    """Answers for exports.

    Args:
        shelf: Keeps what was made lately.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def add_to(self, routes: RouteRegistry, *, is_public: bool) -> None:
        """Add the routes; public ones show every action."""
        scope = None if is_public else "catalog:read"
        routes.add("GET", "/openapi.json", self.show_openapi, scope=scope, public=is_public)
        routes.add("GET", "/exports", self.list_targets, scope=scope, public=is_public)
        routes.add("GET", "/exports/<target>", self.show_export, scope=scope, public=is_public)
        routes.add("GET", "/exports/<target>/<path:file>", self.show_file, scope=scope, public=is_public)

    def show_openapi(self, request: RouteRequest) -> Reply:
        """Answer ``GET /openapi.json``: the same as ``GET /exports/openapi``."""
        return _reply(request, *self._make(request, find_target(request.gateway, "openapi")).main)

    def list_targets(self, request: RouteRequest) -> Reply:
        """Answer ``GET /exports``: every target, with what comes out and what to do with it."""
        _refuse_unknown(request, known=())
        targets = request.gateway.export_targets.values()
        return json_reply({"exports": [describe_target(one) for one in targets], "count": len(targets)})

    def show_export(self, request: RouteRequest) -> Reply:
        """Answer ``GET /exports/{target}``: its file, or an archive if there are several."""
        export = self._make(request, find_target(request.gateway, request.parameters["target"]))
        if len(export.files) == 1:
            return _reply(request, *export.main)
        return _reply(request, f"{export.target.file}.zip", export.as_archive())

    def show_file(self, request: RouteRequest) -> Reply:
        """Answer ``GET /exports/{target}/{file}``: one of its files."""
        export = self._make(request, find_target(request.gateway, request.parameters["target"]))
        name = request.parameters["file"]
        if name not in export.files:
            near = difflib.get_close_matches(name[:200], export.files, n=1, cutoff=0.3)
            raise NotFoundError(
                f"The export {export.target.name!r} has no file {name[:80]!r}."
                + (f" Did you mean {near[0]!r}?" if near else ""),
                hint=f"`GET /exports/{export.target.name}` has them all.",
            )
        return _reply(request, name, export.files[name])

    def _make(self, request: RouteRequest, target: ExportTarget) -> Export:
        _refuse_unknown(request, known=_PARAMETERS)
        gateway = request.gateway
        server_url = _server_url(request)
        patterns = read_patterns(request.inbound.query.get("actions"))
        for _ in range(_MAX_TRIES):  # what was made while the catalog changed may be half of each
            version = gateway.catalog.version
            ids = pick_wanted(gateway, patterns, principal=request.principal)
            try:
                made = self._take(gateway, target, server_url, ids, version=version)
            except ConfigurationError as exc:
                raise ExportRefusedError(exc.message, hint=_hint_of(exc)) from exc
            except NotFoundError:
                if gateway.catalog.version == version:
                    raise
            else:
                if gateway.catalog.version == version:
                    return made
        raise StoreUnavailableError("The actions are changing at this moment.", retry_after_s=1.0)

    def _take(
        self, gateway: Gateway, target: ExportTarget, server_url: str, ids: tuple[str, ...], *, version: int
    ) -> Export:
        from hookline.exports.blueprints import make_blueprint
        from hookline.exports.export import make_export

        def make() -> Export:
            return make_export(target, make_blueprint(gateway, server_url=server_url, action_ids=ids))

        return self._shelf.get((version, target.name, server_url, ids), make)


def describe_target(target: ExportTarget) -> dict[str, object]:
    """Return what programs are told about a target."""
    return {
        "name": target.name,
        "title": target.title,
        "summary": target.summary,
        "next_step": target.next_step_with(target.out or target.file),
        "file": target.file,
        "href": f"/exports/{target.name}",
    }


def _refuse_unknown(request: RouteRequest, *, known: tuple[str, ...]) -> None:
    unknown = next((name for name in request.inbound.query if name not in known), None)
    if unknown is not None:
        raise InvalidInputError(
            f"There is no parameter {unknown[:40]!r}.",
            field=unknown[:40],
            hint=f"Use {' and '.join(known)}." if known else "The list of exports takes none.",
        )


def _hint_of(refusal: ConfigurationError) -> str | None:
    """Return its own hint, unless it has none or names an option of the command line."""
    return refusal.hint if "hint" in vars(refusal) and "--" not in refusal.hint else None


def _server_url(request: RouteRequest) -> str:
    """Return the address that the export is for: the one asked for, the set one, or that of the request."""
    wanted = request.inbound.query.get("server")
    if wanted:
        return check_server_url(wanted)
    set_one = request.gateway.settings.server.public_url
    if set_one is not None:
        return set_one
    return check_server_url(f"http://{request.inbound.headers.get('host', 'localhost')}")


def _reply(request: RouteRequest, name: str, content: bytes) -> Reply:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = [("etag", tag), ("cache-control", "no-cache"), ("vary", "authorization, x-api-key")]
    if is_known(request.inbound.headers.get("if-none-match"), tag):
        return Reply(status=304, headers=headers)
    base = name.rpartition("/")[2]
    kind = _TYPES.get("." + base.rpartition(".")[2], "text/plain; charset=utf-8")
    headers.append(("content-type", kind))
    if kind != "application/json":
        headers.append(("content-disposition", f'attachment; filename="{base}"'))
    return Reply(headers=headers, content=content)
