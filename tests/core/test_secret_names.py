"""Which names are those of secrets."""

from __future__ import annotations

import pytest

from hookline.secret_names import is_secret_name


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "userPassword",
        "USER_PASSWORD",
        "user[password]",
        "api_key",
        "api_keys",
        "apiKey",
        "APIKey",
        "X-Api-Key",
        "x-goog-api-key",
        "access_token",
        "access_tokens",
        "accesstoken",
        "bearer_token",
        "jwt",
        "user_token",
        "tokens",
        "token",
        "oauth_token_secret",
        "secret_key",
        "client_secret",
        "clientSecrets",
        "private_key_pem",
        "privateKey",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Credential",
        "sig",
        "aws_secret_access_key",
        "authorization",
        "token_value",
        "credentials",
        "key",
        "ns:Password",
    ],
)
def test_a_name_that_only_secrets_have_is_known_in_every_way_of_writing(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens",
        "prompt_tokens",
        "total_tokens",
        "next_page_token",
        "nextPageToken",
        "page_token",
        "name",
        "token_url",
        "token_type",
        "password_file",
        "secret_name",
        "signature_header",
        "token_expires_in",
        "x-ratelimit-remaining-tokens",
        "author",
        "monkey",
        "keyboard",
        "primary_key",
        "sort_key",
        "designs",
    ],
)
def test_a_name_of_what_continues_counts_or_describes_is_none(name: str) -> None:
    assert not is_secret_name(name)
