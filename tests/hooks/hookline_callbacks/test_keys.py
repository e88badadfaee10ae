"""When a key of the gateway is missing, or two renew a secret at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from callbacks_lab import Lab, job, make_lab, receiving
from hookline.errors import HooklineError, StoreUnavailableError
from hookline_callbacks import secret_store
from hookline_callbacks.desk import rotate_secret, tell_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from hookline_callbacks.secret_store import SecretRecord

NewLab = Callable[..., Lab]
URL = "http://127.0.0.1:9/"


def without_key(lab: Lab, folder: Path) -> Lab:
    """Return a gateway on the same database, which has another content key."""
    return make_lab(folder, f"sqlite:///{lab.gateway.database.path}")


def test_a_result_that_cannot_be_sealed_now_is_told_of_again(new_lab: NewLab, tmp_path: Path) -> None:
    """Whoever tells of the end of a job tries again after this error, and after no other."""
    (tmp_path / "content.key").write_text("damaged")
    (tmp_path / "content.key").chmod(0o600)
    lab = new_lab()

    with pytest.raises(StoreUnavailableError, match="cannot be kept"):
        lab.plugin.hookline_job_over(job=job(callback_url=URL))
    assert lab.office.deliveries.search(tenant=None, limit=1) == []


def test_a_secret_whose_key_is_lost_is_renewed_and_signs(
    new_lab: NewLab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab = new_lab()
    tell_secrets(lab.office, "acme", is_shown=True, actor="test", client="")
    other = without_key(lab, tmp_path_factory.mktemp("other"))
    try:
        with pytest.raises(StoreUnavailableError, match="cannot be sealed or opened"):
            tell_secrets(other.office, "acme", is_shown=True, actor="test", client="")
        with receiving() as receiver:
            other.take(receiver.url())
            other.carry()
            assert "a key of this gateway is missing" in str(other.find().history[-1].error)
            told = rotate_secret(other.office, "acme", grace_s=60, actor="test", client="")
            other.carry(after_s=6)
            [letter] = receiver.letters
    finally:
        other.gateway.close()

    assert letter.is_signed_with(str(told["secret"]))


def test_of_two_who_renew_a_secret_at_once_one_is_told_so(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab()
    rotate_secret(lab.office, "acme", grace_s=60, actor="test", client="")
    monkeypatch.setattr(secret_store, "_of", lambda connection, tenant: [])  # as it was a moment ago

    with pytest.raises(HooklineError) as refusal:
        rotate_secret(lab.office, "acme", grace_s=60, actor="test", client="")
    monkeypatch.undo()

    assert (refusal.value.status, refusal.value.code) == (409, "secret_changed")
    assert len(lab.secrets()) == 1
    assert len(lab.gateway.audit.entries(action="callback_secret.rotate")) == 1


def test_of_two_who_make_the_first_secret_both_get_the_same(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab()
    store, now_us = lab.office.secrets, lab.office.now_us()
    [first] = store.signing("acme", now_us=now_us)
    found: list[list[SecretRecord]] = [[], [first]]  # the other was faster between the two looks

    def find(tenant: str, *, now_us: int) -> list[SecretRecord]:
        return found.pop(0)

    monkeypatch.setattr(store, "find", find)
    assert store.signing("acme", now_us=now_us) == [first]
    monkeypatch.undo()
    assert store.find("acme", now_us=now_us) == [first]
