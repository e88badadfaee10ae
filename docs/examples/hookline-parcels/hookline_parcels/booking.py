"""Booking parcels, changing them and cancelling them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from hookline import InPlace, Sample
from hookline_parcels.connector import connector
from hookline_parcels.models import ADDRESS, PARCEL, Address, Parcel, ParcelId


class BookParcel(BaseModel):
    """Book a parcel; it gets a number, and is picked up the same day."""

    to: Address = Field(title="To", description="Where it goes.")
    weight_g: int = Field(
        ge=1, le=30_000, title="Weight in grams", description="With its box.", examples=[850]
    )
    service: str = Field(
        default="standard",
        title="Service",
        description="How it travels.",
        json_schema_extra={"x-options": "parcels.services"},
    )
    reference: str | None = Field(
        default=None,
        pattern="^[A-Za-z0-9-]{1,40}$",
        title="Reference",
        description="Your own number. The same one never books twice.",
    )


class ChangeParcel(ParcelId):
    """Change a parcel that was not picked up yet. What is not given stays as it is."""

    to: Address | None = Field(default=None, title="To", description="Where it goes now.")
    weight_g: int | None = Field(
        default=None, ge=1, le=30_000, title="Weight in grams", description="With its box."
    )


class CancelParcel(ParcelId):
    """Cancel a parcel that was not picked up yet."""


class Cancelled(BaseModel):
    """That it is done."""

    done: bool = Field(title="Done", description="Always true.")


BOOKED: dict[str, object] = {**PARCEL, "status": "booked"}

connector.endpoint(
    "book_parcel",
    "POST",
    "/parcels",
    title="Book a parcel",
    input=BookParcel,
    output=Parcel,
    places={"reference": InPlace(where="header", name="Idempotency-Key")},
    group="Booking",
    samples=[
        Sample(
            title="A small one",
            input={"to": ADDRESS, "weight_g": 850, "service": "standard", "reference": "invoice-17"},
            output=BOOKED,
        )
    ],
)

connector.endpoint(
    "change_parcel",
    "PATCH",
    "/parcels/{id}",
    title="Change a parcel",
    input=ChangeParcel,
    output=Parcel,
    idempotent=True,
    group="Booking",
    samples=[
        Sample(
            title="A heavier one",
            input={"id": "PL000001", "weight_g": 900},
            output={**BOOKED, "weight_g": 900},
        )
    ],
)

connector.endpoint(
    "cancel_parcel",
    "DELETE",
    "/parcels/{id}",
    title="Cancel a parcel",
    input=CancelParcel,
    output=Cancelled,
    answers="nothing",
    idempotent=True,
    group="Booking",
    samples=[Sample(title="Not needed any more", input={"id": "PL000001"}, output={"done": True})],
)
