from __future__ import annotations

import socket

import pytest

from hookline.cli.listening import Address, claim, is_loopback, resolve
from hookline.errors import ConfigurationError


def test_port_0_becomes_a_free_port() -> None:
    assert claim("127.0.0.1", 0).port > 0


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_a_port_in_use_is_refused_with_a_way_out(option: int) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, option, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"Port {port} of 127\.0\.0\.1 is in use") as caught:
            claim("127.0.0.1", port)
    assert "--port 0" in caught.value.hint


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Cannot listen on 192\.0\.2\.1"):
        claim("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
    ],
)
def test_only_loopback_addresses_count_as_this_machine(ip: str, expected: bool) -> None:
    assert is_loopback(ip) is expected


def test_localhost_is_an_address() -> None:
    assert resolve("localhost") in ("127.0.0.1", "::1")


def test_a_host_that_is_no_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is not an address of this machine"):
        resolve("not a host")


def test_urls_can_be_opened_on_this_machine() -> None:
    urls = [Address(host=host, port=80).url for host in ("127.0.0.1", "0.0.0.0", "::1", "::")]
    assert urls == ["http://127.0.0.1:80", "http://127.0.0.1:80", "http://[::1]:80", "http://[::1]:80"]
