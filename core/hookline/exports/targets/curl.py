"""cURL: one command per action for a shell, and one to paste where a platform says "Import cURL"."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from hookline.exports.json_text import write_json
from hookline.exports.names import flat_name, unique_names
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint
    from hookline.exports.target import Files

KEY_VARIABLE = "HOOKLINE_KEY"
_PASTED_FOLDER = "n8n"
_PATTERN = re.compile(r"[\[\]{}]")


def make_curl(blueprint: Blueprint) -> Files:
    """Return ``NAME.sh`` and ``n8n/NAME.sh`` for every action.

    An import expands no variables: a header with ``$HOOKLINE_KEY`` would be sent as it stands, beside the
    credential that n8n adds. So the command that is pasted there has no key, and names n8n's profile.
    """
    names = unique_names((action.id for action in blueprint.actions), flat_name)
    files: dict[str, str] = {}
    for action in blueprint.actions:
        heading = f"# {action.id}: {shorten(action.title, 90)}"
        note = f"# {KEY_VARIABLE} holds a key of the gateway."
        files[f"{names[action.id]}.sh"] = f"{heading}\n{note}\n{curl_command(action, blueprint)}\n"
    for action in blueprint.actions:
        pasted = curl_command(action, blueprint, profile="n8n", with_key=False)
        files[f"{_PASTED_FOLDER}/{names[action.id]}.sh"] = f"{pasted}\n"
    return files


def curl_command(
    action: ActionBlueprint,
    blueprint: Blueprint,
    *,
    input: JsonObject | None = None,
    profile: str | None = None,
    with_key: bool = True,
) -> str:
    """Return a command that calls an action, safe for every POSIX shell whatever the input holds.

    Args:
        action: The action.
        blueprint: What it belongs to.
        input: What is sent; the action's sample if not given.
        profile: The platform whose deadline is kept; none if not given.
        with_key: Whether it sends the key that the variable ``HOOKLINE_KEY`` holds.
    """
    url = blueprint.url_of(action.path)
    if profile is not None and blueprint.has_option("profile"):
        url += f"?profile={profile}"
    words = ["curl", "-X", "POST", *(["--globoff"] if _PATTERN.search(url) else []), shlex.quote(url)]
    if with_key:
        words.append(f'-H "Authorization: Bearer ${KEY_VARIABLE}"')
    words.append("-H 'Content-Type: application/json'")
    words.append(f"--data {shlex.quote(write_json(action.sample_input if input is None else input))}")
    return " ".join(words)  # no continued lines, at which some importers stumble
