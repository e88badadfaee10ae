"""What `acme.find_contact` sends, and what it makes of answers."""

import hookline_acme
import pytest

pytestmark = pytest.mark.hookline(plugins=[hookline_acme])


def test_a_contact_is_found(call, upstream):
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada", "phone": None})

    result = call("acme.find_contact", email="ada@example.com")

    assert result.output["name"] == "Ada"
    assert upstream.requests[0].path == "/contacts/ada@example.com"


def test_a_busy_service_is_asked_again(call, upstream, clock):
    upstream.answers("GET", "/contacts/{email}", status=429, headers={"retry-after": "7"}).then(
        json={"name": "Ada"}
    )

    assert call("acme.find_contact", email="ada@example.com").status == 200
    assert clock.waits[0] >= 7


def test_a_service_that_is_down_is_told(call, upstream):
    upstream.fails("GET", "/contacts/{email}", "refused")

    error = call("acme.find_contact", email="ada@example.com").error

    assert (error.status, error.code, error.is_retryable) == (502, "upstream_unavailable", True)
