"""The reference as one file of HTML: whole, harmless and the same each time."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from export_runs import gateway_of_one
from hookline.exports.blueprints import make_blueprint
from hookline.exports.targets.curl import curl_command
from hookline.exports.targets.html.page import make_html
from hookline.exports.targets.html.parts import text
from hookline.webhook.app import create_app
from nasty_connector import KEY

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.gateway import Gateway

_VOID = {"meta", "link", "br", "img", "input", "hr"}
SERVER = "https://hooks.example.com/it's"


class Reader(HTMLParser):
    """Reads a page: its elements, its texts by element, and whether each one is closed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        if tag not in _VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data


@pytest.fixture(scope="module")
def gateway(gateways: dict[str, Gateway]) -> Gateway:
    """A gateway with the OpenAI connector and the one that is hard to write down."""
    return gateways["both"]


@pytest.fixture(scope="module")
def blueprint(gateway: Gateway) -> Blueprint:
    return make_blueprint(gateway, server_url=SERVER)


@pytest.fixture(scope="module")
def page(blueprint: Blueprint) -> str:
    files = make_html(blueprint)
    assert list(files) == ["reference.html"]
    return str(files["reference.html"])


def test_every_action_has_a_section_and_a_line_of_the_contents(page: str, blueprint: Blueprint) -> None:
    reader = Reader(page)

    anchors = [f"action-{action.id}" for action in blueprint.actions]
    assert len(anchors) > 10
    assert reader.ids == [*anchors, "every-call", "errors"]
    assert {link.removeprefix("#") for link in reader.links} == set(reader.ids)


def test_a_field_tells_what_it_takes(page: str) -> None:
    section = page[page.index('id="action-openai.chat"') :]
    row = section[section.index("<td><code>temperature</code>") :]
    shown = row[: row.index("</tr>")]

    assert shown.startswith(
        '<td><code>temperature</code><br><span class="soft">Temperature</span></td><td>number</td><td>no</td>'
    )
    assert shown.endswith(' <span class="soft">(0 to 2)</span></td>')
    model = section[section.index("<td><code>model</code>") :]
    assert "<code>GET /options/openai.models?kind=chat</code>" in model[: model.index("</tr>")]


def test_every_field_label_and_description_is_there_as_text(page: str, blueprint: Blueprint) -> None:
    cells = set(Reader(page).texts["td"])

    for action in blueprint.actions:
        for field in action.fields:
            assert f"{field.name or '(no name)'}{field.label}" in cells, (action.id, field.name)
    assert "<script>alert(1)</script> **bold**" in cells


def test_whatever_a_connector_says_no_element_comes_of_it(page: str) -> None:
    reader = Reader(page)

    assert reader.tags.isdisjoint({"script", "img", "b", "iframe", "form", "input", "link", "base", "object"})
    assert not any(name.startswith("on") or name == "style" for name in reader.attributes)
    assert all(link.startswith("#") for link in reader.links)


def test_backticks_make_code_and_nothing_else() -> None:
    assert text("use `a<b` & `c`") == "use <code>a&lt;b</code> &amp; <code>c</code>"
    assert text("a ` alone") == "a ` alone"


def test_every_action_has_its_command(page: str, blueprint: Blueprint) -> None:
    commands = [shown for shown in Reader(page).texts["pre"] if shown.startswith("curl ")]

    assert commands == [
        curl_command(action, blueprint, input=action.samples[0].input if action.samples else None)
        for action in blueprint.actions
    ]


def test_samples_are_json(page: str) -> None:
    for shown in Reader(page).texts["pre"]:
        if not shown.startswith("curl "):
            json.loads(shown)


def test_the_same_catalog_gives_the_same_page_without_losses(gateway: Gateway, page: str) -> None:
    again = make_blueprint(gateway, server_url=SERVER)

    assert make_html(again)["reference.html"] == page
    assert again.losses.found == ()


def test_the_page_is_served_as_a_file_to_keep(gateway: Gateway) -> None:
    client = create_app(gateway).test_client()

    answer = client.get("/exports/html", headers={"authorization": f"Bearer {KEY}"})

    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="reference.html"'
    assert answer.text.startswith("<!doctype html>")


def test_an_output_that_holds_itself_is_told_once() -> None:
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        },
    }
    output: dict[str, object] = {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": node},
    }
    blueprint = make_blueprint(gateway_of_one({"type": "object"}, output), server_url=SERVER)

    shown = str(make_html(blueprint)["reference.html"])

    assert "<code>tree.children[]</code>" in shown
    assert "<td>list of object, as above</td>" in shown
    assert "tree.children[]." not in shown
