"""What parcels look like, here and at the service."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Status = Literal["booked", "picked_up", "in_transit", "out_for_delivery", "delivered", "cancelled"]


class Address(BaseModel):
    """Where a parcel goes."""

    name: str = Field(min_length=1, title="Name", description="Who gets it.")
    street: str = Field(min_length=1, title="Street", description="Street and number.")
    postcode: str = Field(min_length=1, title="Postcode", description="As the country writes it.")
    city: str = Field(min_length=1, title="City", description="Town or city.")
    country: str = Field(
        pattern="^[A-Z]{2}$", title="Country", description="Two letters, ISO 3166-1, such as NL."
    )


class ParcelId(BaseModel):
    """A parcel, by its number."""

    id: str = Field(
        pattern="^[A-Z]{2}[0-9]{6}$",
        title="Parcel number",
        description="Two letters and six digits.",
        examples=["PL000001"],
    )


class Parcel(BaseModel):
    """A parcel."""

    id: str = Field(title="Parcel number", description="Two letters and six digits.")
    status: Status = Field(title="Status", description="How far it is.")
    service: str = Field(title="Service", description="How it travels; an id of `list_services`.")
    weight_g: int = Field(title="Weight in grams", description="With its box.")
    to: Address = Field(title="To", description="Where it goes.")


ADDRESS: dict[str, object] = {
    "name": "Ada Lovelace",
    "street": "Canal 12",
    "postcode": "1011 AB",
    "city": "Amsterdam",
    "country": "NL",
}
PARCEL: dict[str, object] = {
    "id": "PL000001",
    "status": "in_transit",
    "service": "standard",
    "weight_g": 850,
    "to": ADDRESS,
}
"""A parcel for the samples of actions."""
