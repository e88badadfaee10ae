"""The connector: how the service is reached, and what it means by its refusals."""

from __future__ import annotations

from hookline import Connector, CredentialPlacement, ErrorRule

connector = Connector(
    "parcels",
    title="Parcels",
    base_url="https://api.parcels.example/v1",
    description="Book parcels, print their labels, and follow them.",
    credential=CredentialPlacement(header="x-api-key", prefix=""),
    return_headers=("x-request-id", "retry-after"),
    test="list_services",
    # The service says what is wrong as {"error": {"code", "message", "field", "retry_after"}}.
    errors=(
        ErrorRule(
            kind="invalid",
            statuses=(400, 422),
            message="error.message",
            field="error.field",
        ),
        ErrorRule(
            kind="not_found",
            statuses=(404,),
            code="parcel_not_found",
            message="error.message",
            hint="`parcels.list_parcels` shows the parcels that there are.",
        ),
        ErrorRule(
            kind="rejected",
            statuses=(409,),
            when="error.code == 'on_its_way'",
            code="parcel_on_its_way",
            message="error.message",
            hint="A parcel can be changed and cancelled until it was picked up.",
        ),
        ErrorRule(
            kind="quota",
            statuses=(402,),
            message="error.message",
            hint="Top up the account at the parcel service.",
        ),
        ErrorRule(kind="rate_limited", statuses=(429,), retry_after_s="error.retry_after"),
    ),
)
