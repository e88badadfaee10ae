"""The page and its files, as they are served."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hookline.gateway import Gateway, load_plugins
from hookline.routes import RouteRegistry
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_docs.assets import find_assets
from hookline_docs.views import DocsViews
from nasty_connector import KEY

if TYPE_CHECKING:
    from flask.testing import FlaskClient

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NAMES = {"page.css", "page.js", "swagger-ui.css", "swagger-ui-bundle.js"}


def open_client(**settings: object) -> FlaskClient:
    given = Settings.model_validate({"api_keys": [KEY], "sandbox": True, "state_dir": None, **settings})
    return create_app(Gateway(given, host=load_plugins(given), environ={})).test_client()


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    """A client of a gateway with all that is bundled."""
    with open_client() as client:
        yield client


def test_the_page_is_there_for_everybody_and_allows_only_what_it_needs(client: FlaskClient) -> None:
    answer = client.get("/docs")

    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in ("content-type", "content-security-policy")} == {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": POLICY,
    }
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_the_page_holds_nothing_of_the_catalog_and_no_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/docs").text

    assert "openai" not in page
    assert "/actions" not in page
    assert re.findall(r"<script(?! defer src=)|<style|\sstyle=|\son\w+=|https?://", page) == []


def test_every_file_is_named_by_the_page_and_kept_for_ever(client: FlaskClient) -> None:
    hrefs = re.findall(r'(?:href|src)="(docs/[^"]+)"', client.get("/docs").text)

    assert {href.partition("?")[0].rpartition("/")[2] for href in hrefs} == NAMES
    for href in hrefs:
        answer = client.get(f"/{href}")
        kind = "text/css" if ".css?" in href else "text/javascript"
        assert answer.status_code == 200
        assert answer.content_type == f"{kind}; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert len(answer.data) > 1000


def test_a_file_without_its_version_is_asked_for_again_and_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/docs/assets/page.js?v=of-another-release")
    known = f'"of-another-release", W/{first.headers["etag"]}'
    again = client.get("/docs/assets/page.js", headers={"if-none-match": known})

    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "page.py",
        "__init__.py",
        "swagger-ui-standalone-preset.js",
        "..",
        "%2e%2e%2fpage.js",
        "PAGE.JS",
        "x" * 300,
    ],
)
def test_other_names_are_no_files(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/docs/assets/{name}")

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_the_package_of_swagger_ui_is_read_and_not_run() -> None:
    assert find_assets().keys() == NAMES
    assert not [name for name in sys.modules if name.startswith("flask_openapi3")]


def test_without_those_files_the_page_says_what_to_install() -> None:
    own = {name: asset for name, asset in find_assets().items() if name.startswith("page.")}
    routes = RouteRegistry()
    routes.add("GET", "/docs", DocsViews(can_run=True, find=lambda: own).show_page, public=True)
    gateway = Gateway(Settings.model_validate({"state_dir": None}), environ={})
    gateway.routes = routes

    answer = create_app(gateway).test_client().get("/docs")

    assert answer.status_code == 501
    assert answer.headers["content-security-policy"] == POLICY
    assert "pip install flask-openapi3-swagger" in answer.text
    assert "<code>/openapi.json</code> works all the same" in answer.text


def test_the_page_knows_whether_a_key_is_needed_and_whether_it_may_run_actions() -> None:
    client = open_client(plugins={"exports": {"public": True}, "docs": {"can_run": False}})

    assert '<body data-public="true" data-can-run="false">' in client.get("/docs").text


def test_without_exports_there_is_no_reference() -> None:
    answer = open_client(plugins={"disabled": ["exports"]}).get("/docs")

    assert answer.status_code == 404
    assert "the plugin `exports`, which writes it, is switched off" in answer.get_json()["message"]
