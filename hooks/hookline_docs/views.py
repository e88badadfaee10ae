"""``/docs`` and its assets: public, because they hold nothing of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import Reply
from hookline.errors import NotFoundError
from hookline.etags import is_known
from hookline_docs.assets import find_assets, is_whole
from hookline_docs.page import make_missing_page, make_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hookline import RouteRegistry, RouteRequest
    from hookline_docs.assets import Asset

DOCUMENT = "/openapi.json"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Images are those inside of Swagger UI's style sheet: one of a connector's text is not even asked for."""
_PAGE_HEADERS = (
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", _POLICY),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-cache"),
)
_FOR_EVER = "public, max-age=31536000, immutable"


def add_routes(routes: RouteRegistry, *, can_run: bool) -> None:
    """Add the routes."""
    views = DocsViews(can_run=can_run)
    routes.add("GET", "/docs", views.show_page, public=True)
    routes.add("GET", "/docs/assets/<name>", views.show_asset, public=True)


class DocsViews:
    """Answers for the page.

    Args:
        can_run: Whether it offers to run actions.
        find: Returns its files, by name.
    """

    def __init__(self, *, can_run: bool, find: Callable[[], Mapping[str, Asset]] = find_assets) -> None:
        self._can_run = can_run
        self._find = find

    def show_page(self, request: RouteRequest) -> Reply:
        """Answer ``GET /docs``: the page, or what to install for it."""
        assets = self._find()
        if not is_whole(assets):
            return _page(make_missing_page(), status=501)
        document = next((one for one in request.gateway.routes if one.path == DOCUMENT), None)
        if document is None:
            raise NotFoundError(
                "There is no reference: the plugin `exports`, which writes it, is switched off.",
                hint="`GET /actions` lists the actions.",
            )
        return _page(make_page(assets, is_public=document.is_public, can_run=self._can_run))

    def show_asset(self, request: RouteRequest) -> Reply:
        """Answer ``GET /docs/assets/{name}``: a file, kept for ever under the address of its version."""
        name = request.parameters["name"]
        asset = self._find().get(name)
        if asset is None:
            raise NotFoundError(f"The page has no file {name[:80]!r}.", hint="`GET /docs` names its files.")
        tag = f'"{asset.version}"'
        is_versioned = request.inbound.query.get("v") == asset.version
        headers = [("etag", tag), ("cache-control", _FOR_EVER if is_versioned else "no-cache")]
        if is_known(request.inbound.headers.get("if-none-match"), tag):
            return Reply(status=304, headers=headers)
        headers += [("content-type", asset.kind), ("cross-origin-resource-policy", "same-origin")]
        return Reply(headers=headers, content=asset.content)


def _page(text: str, *, status: int = 200) -> Reply:
    return Reply(status=status, headers=list(_PAGE_HEADERS), content=text.encode())
