"""Long lists, page by page: how one page leads to the next, and where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from fake_clock import FakeClock
from hookline import Call, Connector, Pages, Reply, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.engine.paging import _linked
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.places import InPlace
from hookline.plugins import PluginHost
from hookline.settings import Settings
from scripted_server import Peer, serving
from small_service import CALLER, Allow, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject

INPUT: JsonObject = {
    "type": "object",
    "properties": {
        "cursor": {"type": "string"},
        "page": {"type": "integer"},
        "skip": {"type": "integer"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 4},
        "q": {"type": "string"},
    },
    "additionalProperties": False,
}
OUTPUT: JsonObject = {
    "type": "object",
    "properties": {"rows": {"type": "array"}, "total": {"type": "integer"}},
}
CURSOR = Pages(items="rows", field="cursor", next="next")
NUMBERS = list(range(1, 11))


class Lists:
    """A service with ten rows."""

    def __init__(self, pages: Pages, *, base_url: str = "https://lists.example", **more: Any) -> None:
        self.connector = Connector("lists", title="Lists", base_url=base_url, credential=None)
        options = {"input": INPUT, "output": OUTPUT, "read_only": True, "pages": pages, **more}
        self.connector.endpoint("rows", "GET", "/rows", **options)


class Service:
    """Hands out ten rows, three at a time unless ``limit`` says otherwise."""

    def __init__(self, next_of: Callable[[int], object] | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        self.next_of = next_of or str

    def __call__(self, request: UpstreamRequest) -> UpstreamResponse:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        self.asked.append(query)
        size = int(query.get("limit", 3))
        start = int(query.get("cursor", query.get("skip", (int(query.get("page", 1)) - 1) * size)))
        rows = NUMBERS[start : start + size]
        end = start + len(rows)
        following = self.next_of(end) if end < len(NUMBERS) else None
        return whole({"rows": rows, "total": 10, "next": following})


def gateway_of(
    pages: Pages,
    answer: Callable[[UpstreamRequest], UpstreamResponse],
    *plugins: object,
    clock: FakeClock | None = None,
    **more: Any,
) -> Gateway:
    return make_gateway(Lists(pages, **more), *plugins, answer=answer, clock=clock or FakeClock())


def rows(gateway: Gateway, **fields: object) -> dict[str, Any]:
    reply = gateway.runner.run(CALLER, Order(action_id="lists.rows", fields=fields))
    assert reply.status == 200, reply.content
    return body(reply)


def body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def codes(output: dict[str, Any]) -> list[str]:
    return [one["code"] for one in output["warnings"]]


# ---------------------------------------------------------------- from page to page


def test_without_max_items_a_call_brings_one_page_and_what_leads_to_the_next() -> None:
    service = Service()
    gateway = gateway_of(CURSOR, service)

    first = rows(gateway)
    second = rows(gateway, cursor=first["next_page"])

    assert (first["rows"], first["next_page"]) == ([1, 2, 3], "3")
    assert (second["rows"], second["next_page"]) == ([4, 5, 6], "6")
    assert rows(gateway, cursor="9", max_items="")["next_page"] is None
    assert service.asked == [{}, {"cursor": "3"}, {"cursor": "9"}]


def test_with_max_items_a_call_goes_through_as_many_pages_as_it_takes() -> None:
    service = Service()

    output = rows(gateway_of(CURSOR, service), max_items="100", q="x")

    assert output == {"rows": NUMBERS, "total": 10, "next": "3", "next_page": None, "warnings": []}
    assert service.asked == [
        {"q": "x"},
        *({"q": "x", "cursor": cursor} for cursor in ("3", "6", "9")),
    ]


def test_a_whole_number_with_a_point_is_the_same_page() -> None:
    by_page = Pages(items="rows", field="page", by="page", size_field="limit")
    by_offset = Pages(items="rows", field="skip", by="offset", first=0, size_field="limit")
    service = Service(next_of=float)

    assert rows(gateway_of(by_page, service), page=2.0, limit=3.0)["next_page"] == 3
    assert rows(gateway_of(by_offset, service), skip=6.0)["next_page"] == 9
    assert rows(gateway_of(CURSOR, service), max_items=4.0, cursor="3")["rows"] == [4, 5, 6, 7]
    assert service.asked == [
        {"page": "2", "limit": "3"},
        {"skip": "6"},
        {"cursor": "3"},
        {"cursor": "6"},
    ]


def test_it_begins_at_the_page_that_the_caller_asks_for_and_ends_where_there_are_enough() -> None:
    service = Service()

    output = rows(gateway_of(CURSOR, service), max_items=6, cursor="3")

    assert (output["rows"], output["next_page"], codes(output)) == ([4, 5, 6, 7, 8, 9], "9", [])
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("pages", "asked", "next_page"),
    [
        (
            Pages(items="rows", field="page", by="page"),
            [{}, {"page": "2"}, {"page": "3"}, {"page": "4"}, {"page": "5"}],
            None,
        ),
        (
            Pages(items="rows", field="page", by="page", next="next"),
            [{}, {"page": "2"}, {"page": "3"}, {"page": "4"}],
            None,
        ),
        (
            Pages(items="rows", field="page", by="page", size_field="limit"),
            [{"limit": "4"}, {"limit": "4", "page": "2"}, {"limit": "4", "page": "3"}],
            None,
        ),
        (
            Pages(items="rows", field="skip", by="offset", first=0),
            [{}, {"skip": "3"}, {"skip": "6"}, {"skip": "9"}, {"skip": "10"}],
            None,
        ),
        (
            Pages(items="rows", field="skip", by="offset", first=0, size_field="limit"),
            [{"limit": "4"}, {"limit": "4", "skip": "4"}, {"limit": "4", "skip": "8"}],
            None,
        ),
        (
            Pages(items="rows", field="cursor", next="next", size_field="limit"),
            [{"limit": "4"}, {"limit": "4", "cursor": "4"}, {"limit": "4", "cursor": "8"}],
            None,
        ),
    ],
)
def test_pages_follow_by_number_offset_and_cursor(
    pages: Pages, asked: list[dict[str, str]], next_page: object
) -> None:
    service = Service()

    output = rows(gateway_of(pages, service), max_items=100)

    assert (output["rows"], output["next_page"], codes(output)) == (NUMBERS, next_page, [])
    assert service.asked == asked


def test_no_more_is_asked_for_than_is_wanted_where_that_can_be_said() -> None:
    service = Service()
    gateway = gateway_of(Pages(items="rows", field="cursor", next="next", size_field="limit"), service)

    output = rows(gateway, max_items=6)

    assert (output["rows"], output["next_page"], codes(output)) == ([1, 2, 3, 4, 5, 6], "6", [])
    assert service.asked == [{"limit": "4"}, {"limit": "2", "cursor": "4"}]


@pytest.mark.parametrize(
    ("pages", "wanted", "next_page"),
    [
        (CURSOR, 5, "3"),
        (CURSOR, 2, None),
        (Pages(items="rows", field="page", by="page"), 5, 2),
        (Pages(items="rows", field="page", by="page"), 2, 1),
        (Pages(items="rows", field="skip", by="offset", first=0), 5, 5),
        (Pages(items="rows", field="skip", by="offset", first=0), 2, 2),
    ],
)
def test_items_beyond_what_is_wanted_are_cut_and_not_lost(
    pages: Pages, wanted: int, next_page: object
) -> None:
    output = rows(gateway_of(pages, Service()), max_items=wanted)

    assert (output["rows"], output["next_page"]) == (NUMBERS[:wanted], next_page)
    assert codes(output) == ["items_cut"]


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://lists.example/rows?cursor={}&x=1",
        "https://evil.example/steal?cursor={}",
        "/rows?cursor={}",
        "?cursor={}",
        "{}",
    ],
)
def test_of_an_address_only_the_parameter_is_used(address: str) -> None:
    upstream = Upstream(Service(lambda end: address.format(end)))
    gateway = make_gateway(Lists(CURSOR), upstream=upstream)

    output = rows(gateway, max_items=100)

    assert output["rows"] == NUMBERS
    assert {urlsplit(request.url).netloc for request in upstream.sent} == {"lists.example"}


def test_the_parameter_of_an_address_is_called_as_the_service_calls_the_field() -> None:
    service = Service(lambda end: f"https://lists.example/rows?page%5Bafter%5D={end}&cursor=wrong")

    output = rows(gateway_of(CURSOR, service, places={"cursor": InPlace(where="query", name="page[after]")}))

    assert output["next_page"] == "3"


def test_an_expression_that_does_not_take_what_the_answer_holds_is_told() -> None:
    gateway = gateway_of(Pages(items="rows", field="cursor", next="sort(total)"), Service())
    reply = gateway.runner.run(CALLER, Order(action_id="lists.rows", fields={}))

    assert reply.status == 502
    assert "What leads to the next page cannot be found" in body(reply)["detail"]


def test_an_address_without_the_parameter_leads_nowhere() -> None:
    output = rows(gateway_of(CURSOR, Service(lambda end: f"https://lists.example/rows?page={end}")))

    assert output["next_page"] is None


@pytest.mark.parametrize("found", [{"a": 1}, ["3"], True])
def test_what_cannot_be_a_cursor_is_the_services_fault(found: object) -> None:
    gateway = gateway_of(CURSOR, Service(lambda end: found))
    reply = gateway.runner.run(CALLER, Order(action_id="lists.rows", fields={}))

    assert (reply.status, body(reply)["error"]["code"]) == (502, "invalid_upstream_answer")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('<https://x.example/?cursor=a%20b>; rel="next"', "a b"),
        ('<https://x.example/?cursor=1>; rel="prev", </?cursor=2>; rel="next last"', "2"),
        ('<?cursor=2>; title="a, <b>"; REL=next', "2"),
        ('<https://x.example/?page=2>; rel="next"', None),
        ('<https://x.example/?cursor=2>; rel="nextpage"', None),
        ("<https://x.example/?cursor=2", None),
        ("<http://[x>; rel=next", None),
        ("<" * 100_000, None),
        ("", None),
    ],
)
def test_a_link_header_is_read_as_its_standard_says(header: str, found: str | None) -> None:
    assert _linked([("link", header)], "cursor") == found


def test_pages_follow_a_link_header_over_real_http() -> None:
    def answer(peer: Peer, head: bytes) -> object:
        query = parse_qs(urlsplit(head.split()[1].decode()).query)
        start = int(query.get("cursor", ["0"])[0])
        content = orjson.dumps({"rows": NUMBERS[start : start + 4]})
        link = b'Link: <https://elsewhere.example/rows?cursor=%d>; rel="next"\r\n' % (start + 4)
        peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
            % (link if start + 4 < 10 else b"", len(content), content)
        )
        return None

    with serving(answer) as server:
        host = PluginHost()
        host.register(Allow(), name="allow")
        host.register(
            Lists(Pages(items="rows", field="cursor", by="link"), base_url=server.url), name="lists"
        )
        gateway = Gateway(Settings(), host=host, environ={})
        try:
            output = rows(gateway, max_items=100)
        finally:
            gateway.close()
        assert output["rows"] == NUMBERS
        assert len(server.heads()) == 3


# ---------------------------------------------------------------- bounds


def test_a_page_that_leads_back_ends_the_list_and_says_so() -> None:
    service = Service(lambda end: "3")

    output = rows(gateway_of(CURSOR, service), max_items=100)

    assert (output["rows"], output["next_page"]) == ([1, 2, 3, 4, 5, 6], None)
    assert codes(output) == ["page_repeated"]
    assert len(service.asked) == 2


def test_there_are_most_pages() -> None:
    output = rows(
        gateway_of(Pages(items="rows", field="cursor", next="next", max_pages=2), Service()), max_items=100
    )

    assert (output["rows"], output["next_page"], codes(output)) == ([1, 2, 3, 4, 5, 6], "6", ["max_pages"])


@pytest.mark.parametrize("wanted", [0, -1, "many", 100_001])
def test_max_items_is_a_number_of_items(wanted: object) -> None:
    service = Service()
    reply = gateway_of(CURSOR, service).runner.run(
        CALLER, Order(action_id="lists.rows", fields={"max_items": wanted})
    )

    assert (reply.status, body(reply)["field"], service.asked) == (422, "max_items", [])


def failing_from(number: int, service: Service) -> Callable[[UpstreamRequest], UpstreamResponse]:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if len(service.asked) < number - 1:
            return service(request)
        return whole({"error": "no"}, status=500)

    return answer


def test_what_came_before_a_page_that_fails_is_answered_with_a_way_to_go_on() -> None:
    service = Service()

    output = rows(gateway_of(CURSOR, failing_from(3, service)), max_items=100)

    assert (output["rows"], output["next_page"]) == ([1, 2, 3, 4, 5, 6], "6")
    assert codes(output) == ["pages_incomplete"]
    assert output["warnings"][0]["message"].startswith("Page 3 failed (upstream_unavailable): ")
    assert rows(gateway_of(CURSOR, service), max_items=100, cursor="6")["rows"] == [7, 8, 9, 10]


def test_a_first_page_that_fails_is_an_error() -> None:
    gateway = gateway_of(CURSOR, failing_from(1, Service()))
    reply = gateway.runner.run(CALLER, Order(action_id="lists.rows", fields={"max_items": 9}))

    assert reply.status == 502


def test_a_page_whose_items_are_no_list_is_answered_by_what_came_before() -> None:
    service = Service()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        return service(request) if not service.asked else whole({"rows": "none"})

    output = rows(gateway_of(CURSOR, answer), max_items=100)

    assert (output["rows"], codes(output)) == ([1, 2, 3], ["pages_incomplete"])


@pytest.mark.parametrize(("sizes", "pages", "asked"), [([400] * 9, 4, 4), ([100, 100, 1900, 100], 2, 3)])
def test_pages_end_before_the_answer_is_larger_than_it_may_be(
    sizes: list[int], pages: int, asked: int
) -> None:
    seen: list[int] = []

    def large(request: UpstreamRequest) -> UpstreamResponse:
        number = int(parse_qs(urlsplit(request.url).query).get("cursor", ["0"])[0])
        seen.append(number)
        return whole({"rows": [chr(97 + number) * sizes[number]], "total": 10, "next": str(number + 1)})

    limits = {"limits": {"max_answer_bytes": 2000}}
    gateway = make_gateway(Lists(CURSOR), answer=large, settings=Settings.model_validate(limits))
    output = rows(gateway, max_items=9)

    assert (len(output["rows"]), output["next_page"]) == (pages, str(pages))
    assert codes(output) == ["pages_incomplete"]
    assert f"With page {pages + 1} the answer would be larger than the 2,000 bytes" in str(output["warnings"])
    assert len(seen) == asked
    assert rows(gateway, cursor=output["next_page"])["rows"][0][0] == "abcdefghi"[pages]


def test_pages_end_before_the_time_is_over() -> None:
    clock, service = FakeClock(), Service()

    def slow(request: UpstreamRequest) -> UpstreamResponse:
        clock.advance(400)
        return service(request)

    output = rows(gateway_of(CURSOR, slow, clock=clock), max_items=100)

    assert (output["rows"], output["next_page"]) == ([1, 2, 3, 4, 5, 6], "6")
    assert codes(output) == ["pages_incomplete"]
    assert len(service.asked) == 2


def test_a_page_that_takes_all_the_time_leaves_what_came_before() -> None:
    clock, service = FakeClock(), Service()

    def stalls(request: UpstreamRequest) -> UpstreamResponse:
        clock.advance(1000 if service.asked else 1)
        return service(request)

    output = rows(gateway_of(CURSOR, stalls, clock=clock), max_items=100)

    assert (output["rows"], output["next_page"]) == ([1, 2, 3], "3")
    assert output["warnings"][0]["message"].startswith("Page 2 failed (upstream_timeout): ")


def test_nothing_is_answered_to_a_caller_who_has_left() -> None:
    class Leaves:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            if call.input.get("cursor") == "3":
                call.cancellation.cancel()

    gateway = gateway_of(CURSOR, Service(), Leaves())
    reply = gateway.runner.run(CALLER, Order(action_id="lists.rows", fields={"max_items": 100}))

    assert reply.status == 499


# ---------------------------------------------------------------- each page is a call


def test_each_page_is_a_call_of_its_own_and_credentials_stay_with_them() -> None:
    class Watches:
        def __init__(self) -> None:
            self.seen: list[tuple[str, bool, str]] = []

        @hookimpl
        def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
            self.seen.append((call.action.id, call.parent is None, request.base_url))

    watches = Watches()
    rows(gateway_of(CURSOR, Service(), watches), max_items=6)

    assert watches.seen == [
        ("lists.rows", True, "http://code.invalid"),
        ("lists.rows", False, "https://lists.example"),
        ("lists.rows", False, "https://lists.example"),
    ]


def test_warnings_of_pages_are_told_once() -> None:
    class Warns:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            if call.parent is not None:
                call.record.warn("old", "It is old.")

    assert codes(rows(gateway_of(CURSOR, Service(), Warns()), max_items=100)) == ["old"]


def test_items_may_stand_deeper_in_the_output() -> None:
    def present(call: Call, raw: object) -> JsonObject:
        assert isinstance(raw, dict)
        return {"data": {"rows": raw["rows"], "of": 10}}

    pages = Pages(items="data.rows", field="cursor", next="next")
    output = rows(gateway_of(pages, Service(), present=present), max_items=100)

    assert output == {"data": {"rows": NUMBERS, "of": 10}, "next_page": None, "warnings": []}


# ---------------------------------------------------------------- what is declared


def test_the_schemas_tell_of_both() -> None:
    action = Lists(CURSOR).connector.actions["lists.rows"]
    fields: Any = action.input_schema["properties"]
    members: Any = action.output_schema["properties"]

    assert (fields["max_items"]["type"], fields["max_items"]["minimum"]) == ("integer", 1)
    assert members["next_page"]["type"] == ["string", "null"]
    assert "`cursor`" in members["next_page"]["description"]
    assert "max_items" not in INPUT["properties"]  # type: ignore[operator]  # the author's stays as it is


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (Pages(items="rows", field="nowhere", next="next"), "`field` is 'nowhere', which is no field"),
        (Pages(items="rows", field="cursor", next="next", size_field="x"), "`size_field` is 'x'"),
        (Pages(items="rows", field="cursor"), "`next` is missing"),
        (Pages(items="rows[*]", field="cursor", next="next"), "`items` is a path such as"),
        (Pages(items="rows", field="cursor", next="]"), "is not JMESPath"),
        (Pages(items="rows", field="cursor", by="link", next="x"), "`next` is not used"),
        (Pages(items="rows", field="page", by="number"), "`by` is cursor, link, page or offset"),  # type: ignore[arg-type]
        (Pages(items="rows", field="cursor", next="next", max_pages=0), "`max_pages` is a number"),
    ],
)
def test_pages_that_cannot_be_gone_through_are_refused(pages: Pages, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Lists(pages)

    assert caught.value.message.startswith("lists.rows: `pages`")
    assert told in caught.value.message


def test_a_field_max_items_of_the_services_own_is_refused() -> None:
    own = {"type": "object", "properties": {"cursor": {}, "max_items": {}}}

    with pytest.raises(ConfigurationError, match="a field `max_items` of its own"):
        Lists(CURSOR, input=own)
