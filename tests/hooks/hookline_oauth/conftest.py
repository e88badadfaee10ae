"""The service that all tests of access tokens talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oauth_service import OAuthService, oauth_service


@pytest.fixture
def service() -> Iterator[OAuthService]:
    """Return a service behind an OAuth 2.0 server, on loopback."""
    with oauth_service() as running:
        yield running
