"""Orders that name an address: refused while the caller is there, or handed on with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from hookline import Order, hookimpl
from hookline.errors import InvalidInputError
from hookline.gateway import Gateway
from hookline.order import CALLBACK_URL
from hookline.outbound.client import OutboundClient
from hookline.outbound.urls import OutboundRules
from hookline.plugins import PluginHost
from hookline.routes import Reply
from hookline.settings import Settings
from hookline_callbacks import CallbacksPlugin
from hookline_callbacks.acceptance import FORMAT_HEADER, URL_HEADER, Door, names_a_callback, split_mark
from known_names import Names
from small_service import CALLER, Acme, Allow, Upstream, say, say_on_the_wire

URL = "https://hooks.example/resume?token=1"
HOOKS = Names(hooks_example=[["93.184.215.14"]], near_example=[["10.0.0.1"]])


class Last:
    """Stands where jobs stand, and remembers what reaches it."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    @hookimpl(trylast=True)
    def hookline_run_order(self, order: Order) -> Reply:
        self.orders.append(order)
        return Reply(status=202)


def door() -> Door:
    return Door(OutboundClient(OutboundRules(), resolver=HOOKS))


def gateway_with(last: Last, folder: Path) -> Gateway:
    host = PluginHost()
    for name, plugin in {"acme": Acme(), "allow": Allow(), "callbacks": CallbacksPlugin(), "z": last}.items():
        host.register(plugin, name=name)
    settings = Settings.model_validate({"state_dir": str(folder)})
    return Gateway(settings, host=host, transport=Upstream(), environ={})


@pytest.mark.parametrize(
    "order",
    [
        say(),
        say_on_the_wire(),
        say_on_the_wire(b'{"text": "hi", "callback_url": "http://127.0.0.1/"}'),  # the service's own field
        replace(say(callback_url=URL), is_detached=True),
        replace(say(), headers={"x-hookline-flow": "a", FORMAT_HEADER: "event"}),
    ],
)
def test_an_order_without_an_address_is_left_alone(order: Order) -> None:
    assert not names_a_callback(order)


def test_the_address_of_the_field_goes_on_as_it_is() -> None:
    order = say(callback_url=URL)
    assert names_a_callback(order)
    assert door().admit(order) == order


def test_the_address_of_the_header_becomes_the_field() -> None:
    admitted = door().admit(replace(say(), headers={URL_HEADER: URL, "x-a": "b"}))

    assert admitted.fields == {"text": "hi", CALLBACK_URL: URL}
    assert admitted.headers == {"x-a": "b"}


def test_the_wire_door_takes_no_address() -> None:
    with pytest.raises(InvalidInputError, match="no words") as refusal:
        door().admit(replace(say_on_the_wire(), headers={URL_HEADER: URL}))
    assert refusal.value.field == URL_HEADER


@pytest.mark.parametrize("form", ["event", "output"])
def test_the_form_travels_behind_the_address(form: str) -> None:
    by_field = door().admit(say(callback_url=URL, callback_format=form))
    by_header = door().admit(replace(say(), headers={URL_HEADER: URL, FORMAT_HEADER: form}))

    assert by_field.fields == by_header.fields == {"text": "hi", CALLBACK_URL: f"{URL}#{form}"}
    assert by_header.headers == {}
    assert split_mark(str(by_field.fields[CALLBACK_URL])) == (URL, form)
    assert split_mark(URL) == (URL, None)


@pytest.mark.parametrize("empty", ["", None])
def test_a_field_that_nobody_filled_in_is_left_out(empty: object) -> None:
    assert door().admit(say(callback_url=empty, callback_format="")).fields == {"text": "hi"}
    assert door().admit(replace(say(callback_url=empty), headers={URL_HEADER: URL})).fields == {
        "text": "hi",
        CALLBACK_URL: URL,
    }


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"callback_url": "http://hooks.example/"}, "callback_url", "does not begin with `https://`"),
        ({"callback_url": "https://near.example/"}, "callback_url", "does not lead to a public address"),
        ({"callback_url": "https://nobody.example/"}, "callback_url", "there is no host nobody.example"),
        ({"callback_url": 7}, "callback_url", "it is not a text"),
        ({"callback_url": URL, "callback_format": "xml"}, "callback_format", "output and event"),
        ({"callback_url": URL, "callback_format": ["event"]}, "callback_format", "output and event"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        door().admit(say(**fields))

    assert (refusal.value.status, refusal.value.field) == (422, field)
    assert words in refusal.value.message
    assert "token" not in refusal.value.message


def test_two_addresses_are_one_too_many() -> None:
    with pytest.raises(InvalidInputError, match="two addresses"):
        door().admit(replace(say(callback_url=URL), headers={URL_HEADER: URL + "2"}))
    assert door().admit(replace(say(callback_url=URL), headers={URL_HEADER: URL})).fields[CALLBACK_URL] == URL


def test_a_bad_address_is_refused_before_anything_runs(tmp_path: Path) -> None:
    last = Last()
    gateway = gateway_with(last, tmp_path)
    refused = gateway.runner.run(CALLER, say(callback_url="https://169.254.169.254/latest"))
    on_the_wire = gateway.runner.run(
        CALLER, replace(say_on_the_wire(), headers={URL_HEADER: "http://localhost/"})
    )
    plain = gateway.runner.run(CALLER, say())
    gateway.close()

    assert isinstance(refused.content, bytes)
    assert (refused.status, orjson.loads(refused.content)["field"]) == (422, "callback_url")
    assert on_the_wire.status == 422
    assert plain.status == 202
    assert [one.fields for one in last.orders] == [{"text": "hi"}]
