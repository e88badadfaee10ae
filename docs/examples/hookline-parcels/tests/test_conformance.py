"""What every connector has to do."""

from __future__ import annotations

from hookline.testing import ConnectorSuite
from hookline_parcels import connector


class TestConformance(ConnectorSuite):
    connector = connector
