"""The settings, as the README tells them."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path

from hookline_redact.options import RedactOptions

from hookline import LayeredOptions

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_names_every_setting() -> None:
    rows = re.findall(r"(?m)^\| `([a-z_]+)` \| .* \| .* \|$", README.read_text("utf-8"))

    assert set(RedactOptions.model_fields) == set(rows) - {"email", "phone", "iban", "card", "ip", "name"}


def test_the_settings_of_the_readme_are_valid() -> None:
    text = README.read_text("utf-8")
    block = textwrap.dedent(text[text.index("    [plugins.redact]\n") : text.index("## What it does not do")])
    values = tomllib.loads(block)["plugins"]["redact"]

    options = LayeredOptions(RedactOptions, values, {}, name="redact")

    assert options.base.keep == ("support@example.com",)
    assert options.base.is_for("openai.chat")
    assert not options.find(action_id="openai.embed").is_for("openai.embed")


def test_names_are_in_no_repr() -> None:
    options = RedactOptions(names=("Ada Lovelace",), keep=("support@example.com",))

    assert "Ada" not in repr(options)
    assert "support" not in repr(options)
