"""How parcels can travel: an action, which also tests connections, and a dropdown made of it."""

from __future__ import annotations

from typing import cast

from pydantic import BaseModel, Field

from hookline import Sample, SourceRequest
from hookline_parcels.connector import connector


class ListServices(BaseModel):
    """List the ways in which parcels can travel."""


class Service(BaseModel):
    """A way to travel."""

    id: str = Field(title="Id", description="What `book_parcel` takes.")
    name: str = Field(title="Name", description="What people call it.")
    days: int = Field(title="Days", description="How long it takes, in days.")


class ServiceList(BaseModel):
    """Ways to travel."""

    services: list[Service] = Field(title="Services", description="The fastest one first.")


connector.endpoint(
    "list_services",
    "GET",
    "/services",
    title="List services",
    input=ListServices,
    output=ServiceList,
    pick="{services: data[*]}",
    read_only=True,
    group="Booking",
    samples=[
        Sample(
            title="All of them",
            input={},
            output={
                "services": [
                    {"id": "express", "name": "Express", "days": 1},
                    {"id": "standard", "name": "Standard", "days": 3},
                ]
            },
        )
    ],
)


@connector.source("services", title="Services")
def services(request: SourceRequest) -> list[tuple[str, str]]:
    """Return the rows of the dropdown for `service`."""
    output = request.run("parcels.list_services")
    found = cast("list[dict[str, object]]", output["services"])
    return [(str(service["id"]), f"{service['name']}, {_days(service['days'])}") for service in found]


def _days(count: object) -> str:
    return "1 day" if count == 1 else f"{count} days"
