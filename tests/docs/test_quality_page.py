"""The page of the rules of quality against the rules."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hookline.quality.rules import RULES

_TABLE = re.compile(r"\| Rule \| Level \| What is asked \| Why \| How it is proved \|\n(?:\|.*\n)+")


def test_the_table_of_rules_is_that_of_the_code(root: Path) -> None:
    page = root / "docs/reference/quality.md"
    text = page.read_text("utf-8")
    found = _TABLE.search(text)
    assert found is not None
    expected = "| Rule | Level | What is asked | Why | How it is proved |\n|---|---|---|---|---|\n" + "".join(
        f"| `{rule.id}` | {rule.level} | {rule.sentence} | {rule.why} | {rule.proof} |\n" for rule in RULES
    )
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        page.write_text(text.replace(found.group(), expected), "utf-8")
    else:
        assert found.group() == expected
