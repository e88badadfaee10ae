"""Each dropdown of an export has a key of its own."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from export_runs import SERVER, gateway_with
from hookline import Connector
from hookline.exports.blueprint import OptionsLink
from hookline.exports.blueprints import make_blueprint
from hookline.exports.dropdown_links import link_key
from hookline.exports.export import make_export
from hookline.exports.targets.make.app import dropdown_name

if TYPE_CHECKING:
    from hookline.sources import SourceRequest

LINKS = [
    OptionsLink(source="acme.kinds"),
    OptionsLink(source="acme.kinds", query=(("group", "x"),)),
    OptionsLink(source="acme.kinds", query=(("group", "x_y"),)),
    OptionsLink(source="acme.kinds", query=(("group_x", "y"),)),
    OptionsLink(source="acme.kinds_group", query=(("x", "y"),)),
    OptionsLink(source="acme.kinds_group_x"),
    OptionsLink(source="acme.kinds_1"),
    OptionsLink(source="acme.kinds1"),
    OptionsLink(source="acme.kinds_"),
    OptionsLink(source="acme.b_c"),
    OptionsLink(source="acme_b.c"),
]


@pytest.mark.parametrize(
    "pair", list(itertools.combinations(LINKS, 2)), ids=lambda pair: f"{pair[0]} {pair[1]}"
)
def test_two_dropdowns_never_share_a_key(pair: tuple[OptionsLink, OptionsLink]) -> None:
    one, other = pair

    assert link_key(one) != link_key(other)
    assert dropdown_name(one) != dropdown_name(other)


def test_a_source_that_is_asked_nothing_is_called_by_its_name() -> None:
    link = OptionsLink(source="acme.b_c")

    assert (link_key(link), dropdown_name(link)) == ("acme_b_c", "listAcmeBC")


def test_a_question_that_reads_like_another_source_fills_its_own_dropdown() -> None:
    connector = Connector("acme", title="Acme", base_url="https://api.acme.example/v1")

    @connector.source("kinds", parameters=["group"])
    def kinds(request: SourceRequest) -> list[tuple[str, str]]:
        return [("1", "one")]

    @connector.source("kinds_group_x")
    def others(request: SourceRequest) -> list[tuple[str, str]]:
        return [("2", "two")]

    members: dict[str, Any] = {
        "p": {"type": "string", "x-options": "acme.kinds?group=x"},
        "q": {"type": "string", "x-options": "acme.kinds_group_x"},
    }
    connector.endpoint(
        "say", "POST", "/say", input={"type": "object", "properties": members}, output={"type": "object"}
    )
    gateway = gateway_with(connector)

    zapier = make_export(gateway.export_targets["zapier"], make_blueprint(gateway, server_url=SERVER))
    make = make_export(gateway.export_targets["make"], make_blueprint(gateway, server_url=SERVER))

    triggers = json.loads(zapier.main[1])["triggers"].values()
    assert sorted(one["operation"]["perform"]["url"].removeprefix(SERVER) for one in triggers) == [
        "/options/acme.kinds?group=x&format=array&limit=1000",
        "/options/acme.kinds_group_x?format=array&limit=1000",
    ]
    rpcs = [json.loads(text) for name, text in make.files.items() if name.startswith("rpcs/")]
    asked = [(one["url"], one["qs"]) for one in rpcs if "url" in one]
    assert asked == [
        ("/options/acme.kinds", {"group": "x", "limit": 500}),
        ("/options/acme.kinds_group_x", {"limit": 500}),
    ]
