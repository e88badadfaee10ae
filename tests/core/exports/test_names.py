"""Names that platforms take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import ConfigurationError
from hookline.exports.names import flat_name, pascal_name, unique_names

_SEGMENT = st.from_regex(r"[a-z][a-z0-9_]{0,28}", fullmatch=True)


@pytest.mark.parametrize(
    ("id", "flat", "pascal"),
    [
        ("openai.chat", "openai_chat", "OpenaiChat"),
        ("openai.list_models", "openai_list_models", "OpenaiListModels"),
        ("acme.v_1", "acme_v_1", "AcmeV1"),
        ("connections", "connections", "Connections"),
    ],
)
def test_names_are_those_that_were_published(id: str, flat: str, pascal: str) -> None:
    assert (flat_name(id), pascal_name(id)) == (flat, pascal)


@given(_SEGMENT, _SEGMENT)
def test_every_id_fits_every_platform(connector: str, verb: str) -> None:
    id = f"{connector}.{verb}"
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{1,63}", flat_name(id))
    assert re.fullmatch(r"[A-Z][a-zA-Z0-9]*", pascal_name(id))


@pytest.mark.parametrize(("first", "second", "name"), [("a.b_c", "a_b.c", "a_b_c"), ("a.b", "a.b", "a_b")])
def test_two_ids_never_share_a_name(first: str, second: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{first} and {second} would both be called '{name}'"):
        unique_names([first, second], flat_name)


def test_two_ids_never_share_an_operation_id() -> None:
    with pytest.raises(ConfigurationError, match="OpenaiV1"):
        unique_names(["openai.v1", "openai.v_1"], pascal_name)
