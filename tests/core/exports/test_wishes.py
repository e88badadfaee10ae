"""Which addresses can stand in an export, and what is said of others."""

from __future__ import annotations

import pytest

from hookline.errors import InvalidInputError
from hookline.exports.wishes import check_server_url, is_public_address


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://hooks.example.com", "https://hooks.example.com"),
        ("HTTPS://hooks.example.com/", "https://hooks.example.com"),
        ("http://localhost:8787/base/path/", "http://localhost:8787/base/path"),
        ("https://my_host", "https://my_host"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("https://bücher.example", "https://bücher.example"),
        ("https://a.example.com.", "https://a.example.com."),
    ],
)
def test_an_address_is_kept(url: str, kept: str) -> None:
    assert check_server_url(url) == kept


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("hooks.example.com", "does not begin with https:// or http://"),
        ("ftp://hooks.example.com", "does not begin with https:// or http://"),
        ("https://ada:hunter2@hooks.example.com", "holds a user name or password"),
        ("https://hooks.example.com /x", "holds spaces or control characters"),
        ("https://hooks.example.com/\n", "holds spaces or control characters"),
        ("https://hooks.example.com/?a=b", "holds a query, which starts at `?`"),
        ("https://hooks.example.com#a", "holds a fragment, which starts at `#`"),
        ("https://{{host}}", "holds braces"),
        ("https://a.example.com/{{base}}", "holds braces"),
        ("https://..", "its host is not valid"),
        ("https://a..example.com", "its host is not valid"),
        ("https://.example.com", "its host is not valid"),
        ("https://-a.example.com", "its host is not valid"),
        ("https://", "its host is not valid"),
        ("https://[::1", "its port or its host is not valid"),
        ("https://a.example.com:99999", "its port or its host is not valid"),
        ("https://a.example.com:x", "its port or its host is not valid"),
        ("https://a.example.com:0", "its port is not valid"),
        ("https://a.example.com:", "its port is not valid"),
        ('https://a.example.com/"x', "its path holds quotes or such"),
        ("https://a.example.com/" + "a" * 500, "longer than 500 characters"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_repeating_it(url: str, fault: str) -> None:
    with pytest.raises(InvalidInputError, match="`server` must be an address such as") as caught:
        check_server_url(url)

    assert fault in caught.value.message
    assert caught.value.field == "server"
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "is_public"),
    [
        ("https://hooks.example.com", True),
        ("https://8.8.8.8", True),
        ("http://hooks.example.com", False),
        ("https://localhost:8443", False),
        ("https://gateway", False),
        ("https://gateway.local", False),
        ("https://127.0.0.1", False),
        ("https://10.1.2.3", False),
        ("https://169.254.169.254", False),
        ("https://[::1]:8443", False),
    ],
)
def test_a_public_address_is_told_by_its_text(url: str, is_public: bool) -> None:
    assert is_public_address(url) is is_public
