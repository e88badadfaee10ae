"""A caller who is tied to one connection, for trying that one out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.principal import Principal

if TYPE_CHECKING:
    from hookline_connections.choosing import Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedPrincipal(Principal):
    """A caller whose calls use one connection and no other, also one that is switched off.

    Attributes:
        pin: The connection.
    """

    pin: Candidate
