"""The form of keys: one way to cut them, nothing to mistype twice, and enough chance."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_auth.key_format import (
    ID_LENGTH,
    SECRET_LENGTH,
    KeyText,
    is_key_id,
    new_id,
    new_secret,
    read_key,
)


def test_a_new_key_is_one_word_of_letters_digits_and_two_underscores() -> None:
    key = KeyText(id=new_id(), secret=new_secret())

    assert re.fullmatch(r"hk_[a-z2-7]{16}_[0-9A-Za-z]{43}", key.reveal())
    assert read_key(key.reveal()) == key
    assert key.secret not in repr(key)


def test_secrets_have_256_bits_and_ids_80() -> None:
    asked: list[str] = []

    def choose(alphabet: str) -> str:
        asked.append(alphabet)
        return alphabet[0]

    new_secret(choose)
    assert len(set(asked[0])) ** len(asked) > 2**256
    asked.clear()
    new_id(choose)
    assert len(set(asked[0])) ** len(asked) == 2**80


def test_two_keys_have_nothing_in_common() -> None:
    assert len({new_id() for _ in range(1000)} | {new_secret() for _ in range(1000)}) == 2000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hk_",
        "hk__",
        f"hk_{'a' * ID_LENGTH}_{'b' * (SECRET_LENGTH - 1)}",
        f"hk_{'a' * ID_LENGTH}_{'b' * (SECRET_LENGTH + 1)}",
        f"hk_{'a' * (ID_LENGTH - 1)}_{'b' * SECRET_LENGTH}",
        f"hk_{'A' * ID_LENGTH}_{'b' * SECRET_LENGTH}",
        f"hk_{'1' * ID_LENGTH}_{'b' * SECRET_LENGTH}",
        f"HK_{'a' * ID_LENGTH}_{'b' * SECRET_LENGTH}",
        f"hk_{'a' * ID_LENGTH}_{'b' * (SECRET_LENGTH - 1)}\n",
        f"hk_{'a' * ID_LENGTH}_{'b' * SECRET_LENGTH}\n",
        f" hk_{'a' * ID_LENGTH}_{'b' * SECRET_LENGTH}",
        f"hk_{'a' * ID_LENGTH}_{'b' * (SECRET_LENGTH - 1)}é",
        f"hk_{'a' * ID_LENGTH}_{'٣' * SECRET_LENGTH}",
        f"hk_{'a' * ID_LENGTH}-{'b' * SECRET_LENGTH}",
    ],
)
def test_nothing_else_is_a_key(text: str) -> None:
    assert read_key(text) is None


@given(st.text())
def test_whatever_is_a_key_is_so_in_one_way(text: str) -> None:
    key = read_key(text)
    assert key is None or key.reveal() == text
    assert not is_key_id(text) or re.fullmatch("[a-z2-7]{16}", text)
