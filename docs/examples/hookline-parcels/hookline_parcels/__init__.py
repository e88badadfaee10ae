"""The shipments of a parcel service as actions.

One module for each group of actions. Importing them adds their actions to the connector.
"""

from hookline_parcels import booking, following, looking, services
from hookline_parcels.connector import connector

api_version = "1.0"

__all__ = ["api_version", "booking", "connector", "following", "looking", "services"]
