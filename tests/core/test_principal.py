"""Who calls, and what that allows."""

from __future__ import annotations

import pytest

from hookline.principal import Principal, matches


@pytest.mark.parametrize("missing", ["key_id", "tenant"])
def test_nobody_stands_in_for_a_caller_that_is_not_known(missing: str) -> None:
    """S12: a missing tenant is refused, and never becomes the operator's."""
    with pytest.raises(ValueError, match="none is made up"):
        Principal(key_id="" if missing == "key_id" else "a", tenant="" if missing == "tenant" else "b")


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (("*",), "openai.chat", True),
        (("openai.*",), "openai.chat", True),
        (("openai.*",), "openai", False),
        (("openai.chat",), "openai.chat", True),
        (("openai.chat",), "openai.chat_more", False),
        (("openai.c", "acme.*"), "openai.chat", False),
        ((), "openai.chat", False),
        (("gpt-5*",), "GPT-5", False),
        (("gpt-?",), "gpt-5", False),
        (("[a-z]*",), "a", False),
    ],
)
def test_a_pattern_is_a_name_or_the_beginning_of_one(
    patterns: tuple[str, ...], text: str, expected: bool
) -> None:
    assert matches(patterns, text) is expected
    assert Principal(key_id="k", actions=patterns).may_run(text) is expected
    assert Principal(key_id="k", models=patterns).may_use_model(text) is expected


def test_a_caller_without_named_connections_may_use_whichever_its_tenant_has() -> None:
    assert Principal(key_id="k").may_use_connection("main")
    assert Principal(key_id="k", connections=("main",)).may_use_connection("main")
    assert not Principal(key_id="k", connections=("main",)).may_use_connection("other")
