"""How long low-code platforms wait for an answer, and what they make of a 202."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from hookline.errors import MalformedRequestError

PARAMETER = "profile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One platform.

    Attributes:
        wait_s: Seconds after which it must have an answer, with some to spare for the way.
        polls: Whether it follows a 202 and its ``Location`` by itself.
    """

    wait_s: float
    polls: bool = False


PROFILES: dict[str, Profile] = {
    "activepieces": Profile(wait_s=25),
    "gpt-actions": Profile(wait_s=40),
    "make": Profile(wait_s=40),
    "make-long": Profile(wait_s=280),
    "n8n": Profile(wait_s=280),
    "pipedream": Profile(wait_s=25),
    "power-automate": Profile(wait_s=110, polls=True),
    "zapier": Profile(wait_s=25),
}
"""By the name that stands in ``?profile=``."""


def find_profile(name: str) -> Profile:
    """Return a profile by its name.

    Raises:
        MalformedRequestError: If there is none; names the nearest.
    """
    found = PROFILES.get(name.strip().lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), PROFILES, n=1)
        raise MalformedRequestError(
            f"There is no profile {name[:40]!r}.",
            code="unknown_profile",
            field=PARAMETER,
            hint=f"Did you mean `{near[0]}`?" if near else f"Use one of {', '.join(PROFILES)}.",
        )
    return found
