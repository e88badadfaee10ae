"""What a manifest leaves to be said, so that its package's tests pass at once and tell what is to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.quality.describing import field_problems, missing_samples, naming_problems, sample_problems

if TYPE_CHECKING:
    from hookline.connector import Connector

_CHECKS = {
    "test_an_action_is_named_and_described": (naming_problems, "titles or descriptions of actions"),
    "test_every_field_is_documented": (field_problems, "titles or descriptions of fields"),
    "test_an_action_has_samples": (missing_samples, "samples, or examples of fields"),
    "test_samples_satisfy_both_schemas": (sample_problems, "corrections of samples"),
}


def find_todo(connector: Connector) -> dict[str, str]:
    """Return the checks that a manifest does not pass yet, by name, each with what is missing."""
    actions = [action for action in connector.actions.values() if not action.is_hidden]
    found: dict[str, str] = {}
    for name, (problems_of, what) in _CHECKS.items():
        count = sum(len(problems_of(action)) for action in actions)
        if count:
            found[name] = f"{count:,} {what} are missing"
    if not connector.base_url.startswith("https://"):
        found["test_the_connector_is_named"] = "its base URL is not https"
    return found
