"""Following a parcel: its events as they happen, and what happened to it in a few words."""

from __future__ import annotations

from pydantic import BaseModel, Field

from hookline import Call, EventStream, Sample
from hookline_parcels.connector import connector
from hookline_parcels.models import Parcel, ParcelId, Status


class FollowParcel(ParcelId):
    """Follow a parcel: what happened to it so far or, as a stream, also what happens next."""


class Tracking(BaseModel):
    """What happened to a parcel."""

    text: str = Field(title="Text", description="One line for each event, the oldest first.")
    status: Status | None = Field(default=None, title="Status", description="How far it is now.")


class SummariseParcel(ParcelId):
    """Say in a few words what happened to a parcel. A model writes them."""

    language: str = Field(
        default="English", max_length=40, title="Language", description="In which it is said."
    )
    model: str = Field(
        default="gpt-5.4-mini",
        title="Model",
        description="Which model writes.",
        json_schema_extra={"x-options": "openai.models"},
    )


class Summary(BaseModel):
    """What happened, in a few words."""

    text: str = Field(title="Text", description="Two or three sentences for the one who waits for it.")
    status: Status = Field(title="Status", description="How far it is now.")


_LINES = "08:10 booked\n11:45 picked up in Rotterdam\n"

connector.endpoint(
    "follow_parcel",
    "GET",
    "/parcels/{id}/events",
    title="Follow a parcel",
    input=FollowParcel,
    output=Tracking,
    pick="{text: join('', data[*].line), status: status}",
    stream=EventStream(text="line", output="{status: status}", end="end", ask=()),
    read_only=True,
    group="Parcels",
    samples=[
        Sample(
            title="One on its way",
            input={"id": "PL000001"},
            output={"text": _LINES, "status": "picked_up"},
        )
    ],
)


@connector.action(
    title="Summarise a parcel",
    read_only=True,
    group="Parcels",
    samples=[
        Sample(
            title="For the one who waits",
            input={"id": "PL000001", "language": "English"},
            output={"text": "Your parcel was picked up this morning.", "status": "picked_up"},
        )
    ],
)
def summarise_parcel(call: Call, input: SummariseParcel) -> Summary:
    """Say in a few words what happened to a parcel. A model writes them."""
    parcel = call.run("parcels.get_parcel", {"id": input.id}, returns=Parcel)
    tracking = call.run("parcels.follow_parcel", {"id": input.id}, returns=Tracking)
    answer = call.run(
        "openai.chat",
        model=input.model,
        system=f"Say in {input.language}, in two or three sentences, what happened to this parcel. "
        "Name the day's time of the last event. Add nothing that is not in the list.",
        prompt=f"To {parcel.to.city}, now {parcel.status}:\n{tracking.text}",
        temperature=0,
    )
    return Summary(text=str(answer["text"]), status=parcel.status)
