"""What is sealed opens only with its key, for its row, and unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hookline.store.keyring import Keyring, new_key
from hookline_connections.sealing import SealError, SealLabel, fingerprint, key_id_of, seal, unseal

OLD, NEW = new_key(b"o" * 32), new_key(b"n" * 32)
RING = Keyring(keys=(NEW, OLD), source="a test")
LABEL = SealLabel(tenant="ada", name="main", connector="acme", origins=("https://a.example:443",))
SECRET = "sk-canary-1"


def test_what_is_sealed_opens_again() -> None:
    assert unseal(RING, seal(RING, SECRET, LABEL), LABEL) == SECRET


def test_the_format_is_version_key_id_nonce_and_aes_256_gcm() -> None:
    """The oracle is the cipher itself, used as the page describes the format."""
    sealed = seal(RING, SECRET, LABEL)

    assert sealed[:1] == b"\x01"
    assert sealed[1:9].hex() == NEW.id == key_id_of(sealed)
    assert len(sealed) == 1 + 8 + 12 + len(SECRET) + 16
    parts = [b"credential", b"ada", b"main", b"acme", b"https://a.example:443"]
    associated = sealed[:9] + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert AESGCM(NEW.value).decrypt(sealed[9:21], sealed[21:], associated) == SECRET.encode()


def test_nonces_do_not_repeat() -> None:
    assert len({seal(RING, SECRET, LABEL)[9:21] for _ in range(2000)}) == 2000


def test_the_newest_key_seals_and_older_ones_open() -> None:
    before = seal(Keyring(keys=(OLD,), source=""), SECRET, LABEL)

    assert key_id_of(before) == OLD.id
    assert unseal(RING, before, LABEL) == SECRET


@pytest.mark.parametrize(
    "other",
    [
        replace(LABEL, tenant="bob"),
        replace(LABEL, tenant=""),
        replace(LABEL, name="backup"),
        replace(LABEL, connector="other"),
        replace(LABEL, origins=("https://evil.example:443",)),
        replace(LABEL, origins=(*LABEL.origins, "https://evil.example:443")),
        replace(LABEL, origins=()),
        replace(LABEL, kind="reference"),
        replace(LABEL, tenant="adam", name="ain"),  # the same letters, cut elsewhere
    ],
)
def test_moved_to_another_row_it_does_not_open(other: SealLabel) -> None:
    """S2: neither in another row nor beside other origins."""
    with pytest.raises(SealError, match="changed, or it was sealed for another tenant"):
        unseal(RING, seal(RING, SECRET, LABEL), other)


@given(st.data())
def test_one_changed_byte_is_enough(data: st.DataObject) -> None:
    sealed = bytearray(seal(RING, SECRET, LABEL))
    where = data.draw(st.integers(0, len(sealed) - 1))
    sealed[where] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SealError):
        unseal(RING, bytes(sealed), LABEL)


@given(st.binary(max_size=64))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(SealError):
        unseal(RING, garbage, LABEL)


def test_without_its_key_it_says_which_one_is_missing() -> None:
    sealed = seal(Keyring(keys=(OLD,), source=""), SECRET, LABEL)

    with pytest.raises(SealError) as caught:
        unseal(Keyring(keys=(NEW,), source="keys.json"), sealed, LABEL)

    assert caught.value.key_id == OLD.id
    assert caught.value.message == f"it was sealed with the key {OLD.id}, which is not in keys.json"


def test_no_error_holds_the_secret_or_a_key() -> None:
    sealed = seal(RING, SECRET, LABEL)
    with pytest.raises(SealError) as caught:
        unseal(RING, sealed, replace(LABEL, name="x"))

    assert caught.value.__cause__ is None
    assert SECRET not in repr(caught.value)
    assert "nnnn" not in repr(RING)


def test_fingerprints_tell_equal_credentials_and_nothing_else() -> None:
    other = Keyring(keys=(OLD,), source="")

    assert fingerprint(RING, SECRET) == fingerprint(RING, SECRET)
    assert len(fingerprint(RING, SECRET)) == 8
    assert len({fingerprint(RING, f"sk-{number}") for number in range(500)}) == 500
    assert fingerprint(RING, SECRET) != fingerprint(other, SECRET)
