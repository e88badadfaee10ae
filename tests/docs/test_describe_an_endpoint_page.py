"""The examples of the page about endpoints make a connector that sends what the page tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.engine.catalog import Catalog
from hookline.error_rules import KINDS
from hookline.order import Order
from small_service import CALLER, Acme, Sign, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from tests.docs.conftest import Block

    from hookline.upstream import UpstreamRequest

PAGE = "docs/how-to/describe-an-endpoint.md"


@pytest.fixture
def made(read_blocks: Callable[[str], list[Block]]) -> dict[str, Any]:
    """Return what the page's examples define, run one after the other."""
    names: dict[str, Any] = {}
    for block in read_blocks(PAGE):
        if block.language == "python":
            exec(compile(block.text, PAGE, "exec"), names)
    return names


def send(made: dict[str, Any], verb: str, **input: object) -> tuple[UpstreamRequest, Any]:
    def answer(request: UpstreamRequest) -> Any:
        answers: dict[str, Any] = {
            "search": whole({"data": [{"name": "Ada"}], "meta": {"count": 1}}),
            "photo": whole(b"\x89PNG", content_type="image/png"),
            "charge": whole({"error": {"text": "No money", "param": "source"}}, status=402),
        }
        return answers.get(verb) or whole({"text": "done"})

    upstream = Upstream(answer)
    sign = Sign("a-token-of-acme", origins=["https://api.acme.example:443"])
    gateway = make_gateway(sign, upstream=upstream, service=Acme(made["connector"]))
    reply = gateway.runner.run(CALLER, Order(action_id=f"acme.{verb}", fields=dict(input)))
    gateway.close()
    assert isinstance(reply.content, bytes)
    return upstream.sent[0], orjson.loads(reply.content)


def test_every_connector_of_the_page_can_be_used(made: dict[str, Any]) -> None:
    catalog = Catalog()

    catalog.add(*(made[name] for name in ("connector", "weather", "billing", "maps", "events")))

    assert len(catalog) == 10


def test_fields_go_where_the_page_says(made: dict[str, Any]) -> None:
    request, _ = send(
        made, "update_contact", email="ada@example.com", trace="t", notify=True, name="Ada", tags=["a"]
    )
    listed, _ = send(made, "list_contacts")

    assert request.path == "/contacts/ada@example.com?notify=true&tag%5B%5D=a"
    assert (request.headers["x-trace"], request.content) == ("t", b'{"person":{"name":"Ada"}}')
    assert (listed.path, listed.headers["client"]) == (
        "/contacts?page_size=50&fields=name%2Cemail",
        "hookline",
    )


def test_bodies_are_written_as_the_page_says(made: dict[str, Any]) -> None:
    shaped, _ = send(made, "create_contact", name="Ada", tags=["a"])
    form, _ = send(made, "log_in", user="ada", area="b c")
    parts, _ = send(made, "attach", id="7", note="n", file="aGk=")
    photo, told = send(made, "set_photo", id="7", photo="aGk=")

    assert shaped.content == b'{"contact":{"full_name":"Ada"},"labels":[{"label":"a"}]}'
    assert (form.content, form.headers["content-type"]) == (
        b"user=ada&area=b+c",
        "application/x-www-form-urlencoded",
    )
    assert parts.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert (photo.content, photo.headers["content-type"], told["done"]) == (b"hi", "image/png", True)


def test_answers_are_read_as_the_page_says(made: dict[str, Any]) -> None:
    assert send(made, "search", q="a")[1] == {"contacts": [{"name": "Ada"}], "total": 1, "warnings": []}
    assert send(made, "photo", id="7")[1]["media_type"] == "image/png"


def test_refusals_mean_what_the_page_says(
    made: dict[str, Any], rows_of: Callable[[str], list[list[str]]]
) -> None:
    _, told = send(made, "charge", amount=1, card="x")

    assert (told["status"], told["error"]["code"], told["field"]) == (402, "card_declined", "card")
    shown = [row[0].strip("`") for row in rows_of(PAGE)]
    assert [kind for kind in KINDS if kind not in shown] == []
