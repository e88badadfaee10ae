"""Every action against the parcel service: what is asked of it, and what comes back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import orjson
import pytest
from hookline_parcels import connector
from service import ADDRESS, LABEL, ParcelService, Refusal

if TYPE_CHECKING:
    from conftest import Desk


def test_one_page_of_parcels_is_listed(desk: Desk, service: ParcelService) -> None:
    for _ in range(3):
        service.book(status="in_transit")

    output = desk.output("list_parcels", status="in_transit", page_size=2)

    assert [parcel["id"] for parcel in output["parcels"]] == ["PL000003", "PL000002"]
    assert output["next_page"] == "2"
    assert [sorted(target.partition("?")[2].split("&")) for target in service.asked] == [
        ["page_size=2", "status=in_transit"]
    ]


def test_as_many_pages_are_listed_as_it_takes(desk: Desk, service: ParcelService) -> None:
    for _ in range(5):
        service.book()

    output = desk.output("list_parcels", page_size=2, max_items=5)

    assert [parcel["id"] for parcel in output["parcels"]] == [f"PL00000{n}" for n in (5, 4, 3, 2, 1)]
    assert len(service.asked) == 3


def test_a_parcel_is_booked_once_for_each_reference(desk: Desk, service: ParcelService) -> None:
    booking = {"to": ADDRESS, "weight_g": 900, "service": "express", "reference": "invoice-17"}

    first, second = (desk.output("book_parcel", **booking) for _ in range(2))

    assert first == second
    assert list(service.parcels) == ["PL000001"]
    assert service.parcels["PL000001"] == {
        "id": "PL000001",
        "status": "booked",
        "service": "express",
        "weight_g": 900,
        "to": ADDRESS,
    }


def test_a_parcel_is_got_changed_and_cancelled(desk: Desk, service: ParcelService) -> None:
    id = service.book()["id"]

    assert desk.output("get_parcel", id=id)["weight_g"] == 850
    assert desk.output("change_parcel", id=id, weight_g=990)["weight_g"] == 990
    assert desk.output("cancel_parcel", id=id) == {"done": True}
    assert service.parcels[id]["status"] == "cancelled"
    assert service.asked == [f"{method} /parcels/{id}" for method in ("GET", "PATCH", "DELETE")]


def test_a_label_is_a_pdf_in_base64(desk: Desk, service: ParcelService) -> None:
    id = service.book()["id"]

    output = desk.output("get_label", id=id)

    assert base64.b64decode(output["content"]) == LABEL
    assert (output["media_type"], output["size_bytes"]) == ("application/pdf", len(LABEL))


def test_events_come_whole_and_as_a_stream(desk: Desk, service: ParcelService) -> None:
    id = service.book()["id"]
    text = "08:10 booked\n11:45 picked up in Rotterdam\n"

    assert desk.output("follow_parcel", id=id) == {"text": text, "status": "picked_up"}
    answer = desk.run("follow_parcel", id=id, stream=True)

    events = [
        orjson.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]
    assert events[:-1] == [
        {"type": "text", "text": "08:10 booked\n"},
        {"type": "text", "text": "11:45 picked up in Rotterdam\n"},
    ]
    assert events[-1]["output"] == {"text": text, "status": "picked_up", "warnings": []}


def test_a_summary_is_written_by_a_model_from_what_the_service_says(
    desk: Desk, service: ParcelService
) -> None:
    id = service.book(status="picked_up")["id"]

    output = desk.output("summarise_parcel", id=id, language="Dutch")

    assert output == {"text": "It was picked up in Rotterdam at 11:45.", "status": "picked_up"}
    assert len(service.prompts) == 1
    assert "Dutch" in service.prompts[0]
    assert "To Amsterdam, now picked_up:\n08:10 booked" in service.prompts[0]
    assert service.asked == [
        f"GET /parcels/{id}",
        f"GET /parcels/{id}/events",
        "POST /model/chat/completions",
    ]


def test_the_dropdown_of_services_is_filled_by_the_service(desk: Desk, service: ParcelService) -> None:
    answer = desk.client.get(
        "/options/parcels.services", headers={"authorization": "Bearer a-key-for-tests-only-0001"}
    )

    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert [(row["id"], row["name"]) for row in answer.json["options"]] == [
        ("express", "Express, 1 day"),
        ("standard", "Standard, 3 days"),
    ]


@pytest.mark.parametrize(
    ("refusal", "status", "code", "field"),
    [
        (Refusal(404, "unknown", "There is no parcel."), 404, "parcel_not_found", None),
        (Refusal(409, "on_its_way", "It was picked up."), 409, "parcel_on_its_way", None),
        (
            Refusal(422, "heavy", "It is too heavy.", {"field": "weight_g"}),
            422,
            "invalid_input",
            "weight_g",
        ),
        (Refusal(402, "empty", "The account is empty."), 402, "insufficient_quota", None),
        (Refusal(500, "broken", "Something broke."), 502, "upstream_unavailable", None),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_webhook(
    desk: Desk, service: ParcelService, refusal: Refusal, status: int, code: str, field: str | None
) -> None:
    id = service.book()["id"]
    service.refuses += [refusal] * 10

    answer = desk.run("change_parcel", id=id, weight_g=20)

    assert isinstance(answer.json, dict)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert answer.json.get("field") == field


def test_a_service_that_wants_a_pause_is_asked_again_after_it(desk: Desk, service: ParcelService) -> None:
    id = service.book()["id"]
    service.refuses.append(Refusal(429, "too_fast", "Wait.", {"retry_after": 0.01}))

    assert desk.output("get_parcel", id=id)["id"] == id
    assert len(service.asked) == 2


def test_a_connection_is_tested_by_an_action_that_needs_no_input(desk: Desk, service: ParcelService) -> None:
    assert connector.test == "list_services"
    assert [row["id"] for row in desk.output("list_services")["services"]] == ["express", "standard"]
    assert service.asked == ["GET /services"]
