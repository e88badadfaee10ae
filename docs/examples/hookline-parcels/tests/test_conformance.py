"""What every connector has to do."""

from __future__ import annotations

from typing import ClassVar

from hookline_parcels import connector
from hookline_parcels.models import PARCEL

from hookline.testing import ConnectorSuite

TRACKING = {"data": [{"line": "08:10 booked\n"}], "status": "booked"}


class TestConformance(ConnectorSuite):
    connector = connector
    # What the service itself answers, where an action does not hand it on as it is.
    answers: ClassVar = {
        "list_parcels": {"data": [PARCEL], "next_cursor": None},
        "list_services": {"data": [{"id": "express", "name": "Express", "days": 1}]},
        "follow_parcel": TRACKING,
    }
    streams: ClassVar = {"follow_parcel": [{"line": "08:10 booked\n", "status": "booked"}]}
