"""Finding parcels: a list in pages, one parcel, and its label as a PDF."""

from __future__ import annotations

from pydantic import BaseModel, Field

from hookline import Pages, Sample
from hookline_parcels.connector import connector
from hookline_parcels.models import PARCEL, Parcel, ParcelId, Status


class ListParcels(BaseModel):
    """List parcels, the newest first."""

    status: Status | None = Field(default=None, title="Status", description="Only parcels that are so far.")
    page_size: int = Field(
        default=20, ge=1, le=100, title="Page size", description="Most parcels on one page."
    )
    cursor: str | None = Field(
        default=None, title="Cursor", description="`next_page` of the page before; empty for the first."
    )


class ParcelList(BaseModel):
    """Parcels."""

    parcels: list[Parcel] = Field(title="Parcels", description="The newest first.")


class Label(BaseModel):
    """A label to be printed."""

    content: str = Field(title="Content", description="The PDF, in base64.")
    media_type: str = Field(title="Media type", description="application/pdf.")
    size_bytes: int = Field(title="Size in bytes", description="Of the PDF.")


connector.endpoint(
    "list_parcels",
    "GET",
    "/parcels",
    title="List parcels",
    input=ListParcels,
    output=ParcelList,
    pick="{parcels: data[*]}",
    pages=Pages(items="parcels", field="cursor", next="next_cursor", size_field="page_size"),
    read_only=True,
    group="Parcels",
    samples=[
        Sample(
            title="Parcels on their way",
            input={"status": "in_transit", "page_size": 1},
            output={"parcels": [PARCEL], "next_page": "c2"},
        )
    ],
)

connector.endpoint(
    "get_parcel",
    "GET",
    "/parcels/{id}",
    title="Get a parcel",
    description="Get one parcel by its number.",
    input=ParcelId,
    output=Parcel,
    read_only=True,
    group="Parcels",
    samples=[Sample(title="One on its way", input={"id": "PL000001"}, output=PARCEL)],
)

connector.endpoint(
    "get_label",
    "GET",
    "/parcels/{id}/label",
    title="Get a label",
    description="Get the label of a parcel as a PDF, to be printed and stuck on.",
    input=ParcelId,
    output=Label,
    answers="binary",
    defaults={"format": "pdf"},
    read_only=True,
    group="Booking",
    samples=[
        Sample(
            title="A label",
            input={"id": "PL000001"},
            output={"content": "JVBERi0xLjQK", "media_type": "application/pdf", "size_bytes": 9},
        )
    ],
)
