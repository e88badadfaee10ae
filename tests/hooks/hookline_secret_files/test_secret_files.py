"""Credentials from files: replaced while the gateway runs, bounded, and never shown."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline.settings import Settings
from hookline_credentials import CredentialsPlugin
from hookline_secret_files import SecretFilesPlugin
from small_service import CALLER, Upstream, make_gateway, say

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.gateway import Gateway

SECRET = "sk-canary-file-1"


class Lab:
    """A gateway whose one connection names a file."""

    def __init__(self, reference: str, **options: Any) -> None:
        self.clock = FakeClock()
        self.upstream = Upstream()
        settings = Settings.model_validate(
            {
                "connections": {"acme": {"credential_ref": reference}},
                "plugins": {"plugin2": options},
            }
        )
        self.gateway: Gateway = make_gateway(
            CredentialsPlugin(),
            SecretFilesPlugin(),
            upstream=self.upstream,
            settings=settings,
            clock=self.clock,
            environ={"ACME_API_KEY": "sk-of-the-operator"},
        )

    def call(self) -> tuple[int, str | None]:
        """Return the status, and what was sent, or the error's code."""
        before = len(self.upstream.sent)
        reply = self.gateway.runner.run(CALLER, say())
        if len(self.upstream.sent) > before:
            return reply.status, self.upstream.sent[-1].headers.get("authorization")
        assert isinstance(reply.content, bytes)
        return reply.status, orjson.loads(reply.content)["error"]["code"]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "openai"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


SENT = (200, f"Bearer {SECRET}")
UNREADABLE = (502, "credential_unreadable")


@pytest.mark.parametrize("slashes", ["", "//"])
def test_the_file_s_text_is_sent_without_its_line_break(secret: Path, slashes: str) -> None:
    assert Lab(f"file:{slashes}{secret}").call() == SENT


def test_a_replaced_file_counts_after_the_stated_time(secret: Path) -> None:
    lab = Lab(f"file:{secret}", reload_s=5)
    assert lab.call() == SENT
    replacement = secret.with_name("new")
    replacement.write_text("sk-second\r\n")
    replacement.replace(secret)

    lab.clock.advance(4.9)
    assert lab.call() == SENT
    lab.clock.advance(0.2)
    assert lab.call() == (200, "Bearer sk-second")


def test_a_mounted_folder_that_is_switched_by_a_link_is_followed(tmp_path: Path) -> None:
    """Kubernetes replaces the link ``..data``, and with it every file at once."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(f"sk-version-{version}")
    data, key = tmp_path / "..data", tmp_path / "key"
    data.symlink_to("1")
    key.symlink_to("..data/key")
    lab = Lab(f"file:{key}", reload_s=0)
    assert lab.call() == (200, "Bearer sk-version-1")

    other = tmp_path / "..data_tmp"
    other.symlink_to("2")
    os.replace(other, data)

    assert lab.call() == (200, "Bearer sk-version-2")


def test_a_file_that_is_gone_is_not_used_from_memory_and_counts_again_when_it_is_back(secret: Path) -> None:
    lab = Lab(f"file:{secret}", reload_s=5)
    assert lab.call() == SENT
    secret.unlink()
    lab.clock.advance(6)

    assert lab.call() == UNREADABLE
    secret.write_text("sk-back")
    assert lab.call() == (200, "Bearer sk-back")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"sk secret", b"sk-1\nx-evil: 1", b"sk-\xc3\xa9", b"sk-\x00", b"x" * 101]
)
def test_a_file_that_holds_no_credential_fails_the_call_and_nothing_is_sent(
    secret: Path, content: bytes
) -> None:
    """S12: the operator's own credential, which is set, does not take its place."""
    secret.write_bytes(content)
    lab = Lab(f"file:{secret}", max_bytes=100)

    assert lab.call() == UNREADABLE
    assert lab.upstream.sent == []


def test_what_is_no_file_does_not_hold_a_call_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert Lab(f"file:{tmp_path}/pipe").call() == UNREADABLE
    assert Lab(f"file:{tmp_path}").call() == UNREADABLE
    assert Lab("file:/dev/zero").call() == UNREADABLE


@pytest.mark.parametrize("reference", ["file:relative/key", "file:", "file://host/key", "file:~/key"])
def test_a_reference_that_is_no_absolute_path_is_refused(reference: str) -> None:
    assert Lab(reference).call() == UNREADABLE


def test_only_named_folders_are_read_if_any_is_named(secret: Path, tmp_path: Path) -> None:
    inside = tmp_path / "secrets"
    inside.mkdir()
    (inside / "link").symlink_to(secret)
    (inside / "key").write_text("sk-inside")

    assert Lab(f"file:{inside}/key", folders=[str(inside)]).call() == (200, "Bearer sk-inside")
    assert Lab(f"file:{inside}/link", folders=[str(inside)]).call() == UNREADABLE
    assert Lab(f"file:{inside}/../openai", folders=[str(inside)]).call() == UNREADABLE


def test_a_file_that_everybody_can_read_is_warned_of_once(
    secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret.chmod(0o644)
    lab = Lab(f"file:{secret}", reload_s=0)
    with caplog.at_level(logging.DEBUG):
        assert lab.call() == lab.call() == SENT

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"{secret} can be read by everybody on this machine; run: chmod o= {secret}"]


def test_the_credential_goes_to_the_connection_s_own_origin_and_shows_nowhere(
    secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S2, S23: bound to one origin; no log line at DEBUG, repr or answer holds it."""
    lab = Lab(f"file:{secret}")
    with caplog.at_level(logging.DEBUG):
        lab.call()
        found = lab.gateway.host.hook.hookline_resolve_credential(
            call=None, connection=lab.gateway.connections["acme"]
        )

    assert found.allowed_origins == frozenset({"https://api.acme.example:443"})
    assert SECRET not in caplog.text + repr(found) + str(found)


def test_a_reference_of_another_kind_is_left_to_others_and_fails_if_nobody_knows_it() -> None:
    lab = Lab("elsewhere:key")

    assert lab.call() == (502, "missing_credential")
    assert lab.upstream.sent == []
