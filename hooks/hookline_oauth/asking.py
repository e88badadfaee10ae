"""One request to a token service, and its answer: bounded, no redirect followed, nothing of it shown."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from hookline.call import Cancellation
from hookline.engine.transport import Timeouts
from hookline.errors import (
    HooklineError,
    InvalidUpstreamAnswerError,
    UpstreamCredentialError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.upstream import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from hookline import OAuth2Credential
    from hookline.clock import Clock
    from hookline.engine.transport import Transport
    from hookline_oauth.client import Client

MAX_ANSWER_BYTES = 64 * 1024
_MAX_TOKEN_LENGTH = 16_000
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_LONGEST_S = 366 * 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a token service handed out.

    Attributes:
        access_token: Goes along with requests.
        lifetime_s: How long it holds; None if the service does not say.
        refresh_token: Takes the place of the one that was used; None if that stays.
    """

    access_token: str = field(repr=False)
    lifetime_s: float | None
    refresh_token: str | None = field(default=None, repr=False)


def ask_for_token(
    transport: Transport,
    credential: OAuth2Credential,
    client: Client,
    *,
    name: str,
    clock: Clock,
    refresh_token: str | None,
    user_agent: str,
    timeout_s: float,
) -> Grant:
    """Return what a token service hands out; nothing but its own time cuts the request short.

    Args:
        transport: Carries the request.
        credential: Where to ask, and for what.
        client: Who we are.
        name: The connection, for messages.
        clock: What time it is.
        refresh_token: The newest one; None for other grants.
        user_agent: How the gateway names itself.
        timeout_s: Longest wait.

    Raises:
        UpstreamCredentialError: If the service refuses; ``code`` is ``token_refused``.
        UpstreamUnavailableError: If it cannot be reached, or fails.
        UpstreamTimeoutError: If it does not answer in time.
        InvalidUpstreamAnswerError: If it answers something else than a token.

    Source: RFC 6749, sections 2.3.1, 4.4, 5 and 6.
    """
    ends_at = clock.monotonic() + timeout_s
    request = _request(credential, client, refresh_token=refresh_token, user_agent=user_agent)
    try:
        response = transport.send(
            request, timeouts=Timeouts(connect_s=timeout_s, read_s=timeout_s), cancellation=Cancellation()
        )
        content = _read(response, clock=clock, ends_at=ends_at)
    except UpstreamTimeoutError as exc:
        raise UpstreamTimeoutError(
            f"The token service of the connection {name!r} did not answer in time.",
            code="token_service_timeout",
            hint="Try again in a moment.",
            reached_upstream=False,
        ) from exc
    except InvalidUpstreamAnswerError as exc:
        raise _unreadable(name) from exc
    except HooklineError as exc:
        raise _unavailable(name) from exc
    return _read_answer(name, response, content)


def _request(
    credential: OAuth2Credential, client: Client, *, refresh_token: str | None, user_agent: str
) -> UpstreamRequest:
    parts = urlsplit(credential.token_url)
    form: list[tuple[str, str]] = [("grant_type", credential.grant)]
    if refresh_token is not None:
        form.append(("refresh_token", refresh_token))
    if credential.scopes:
        form.append(("scope", " ".join(credential.scopes)))
    form += credential.parameters
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": user_agent,
    }
    if credential.client_in == "header" and client.secret:
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    else:
        form.append(("client_id", client.id))
        if client.secret:
            form.append(("client_secret", client.secret))
    return UpstreamRequest(
        method="POST",
        base_url=f"{parts.scheme}://{parts.netloc}",
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=headers,
        content=urlencode(form).encode("ascii"),
    )


def _read(response: UpstreamResponse, *, clock: Clock, ends_at: float) -> bytes:
    content = bytearray()
    try:
        for chunk in response.chunks:
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise InvalidUpstreamAnswerError("it is too large")
            left_s = ends_at - clock.monotonic()
            if left_s <= 0:
                raise UpstreamTimeoutError("it took too long")
            if left_s < response.silence_s:
                response.bound_silence(left_s)
    finally:
        response.close()
    return bytes(content)


def _read_answer(name: str, response: UpstreamResponse, content: bytes) -> Grant:
    status = response.status
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if status in (408, 429) or status >= 500:
        raise _unavailable(name, status=status, wait=response.header("retry-after"))
    if 300 <= status < 500:
        code = found.get("error") if isinstance(found, dict) else None
        told = code if isinstance(code, str) and _CODE.match(code) else None
        why = f"{status}, {told}" if told else str(status)
        raise UpstreamCredentialError(
            f"The token service of the connection {name!r} refused the gateway's credential ({why}).",
            code="token_refused",
            hint="Your key for this gateway is fine. Whoever runs it must renew the credential of the "
            "connection"
            + (", or check the token address: no redirect is followed." if status < 400 else "."),
            reached_upstream=False,
        )
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not _is_token(token):
        raise _unreadable(name)
    kind = found.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _unreadable(name)
    renewed = found.get("refresh_token")
    return Grant(
        access_token=str(token),
        lifetime_s=_lifetime(found.get("expires_in")),
        refresh_token=renewed if isinstance(renewed, str) and renewed else None,
    )


def _is_token(token: object) -> bool:
    return (
        isinstance(token, str)
        and 0 < len(token) <= _MAX_TOKEN_LENGTH
        and all(0x21 <= ord(char) <= 0x7E for char in token)
    )


def _lifetime(told: object) -> float | None:
    try:
        seconds = float(told) if isinstance(told, (int, float, str)) and not isinstance(told, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return min(seconds, _LONGEST_S) if seconds > 0 else None


def _unavailable(
    name: str, *, status: int | None = None, wait: str | None = None
) -> UpstreamUnavailableError:
    how = "could not be reached" if status is None else f"failed ({status})"
    is_number = wait is not None and wait.strip().isdecimal() and len(wait.strip()) < 6
    return UpstreamUnavailableError(
        f"The token service of the connection {name!r} {how}.",
        code="token_service_unavailable",
        retry_after_s=float(wait) if is_number and wait is not None else None,
        reached_upstream=False,
    )


def _unreadable(name: str) -> InvalidUpstreamAnswerError:
    return InvalidUpstreamAnswerError(
        f"The token service of the connection {name!r} answered something that holds no bearer token.",
        code="token_answer_unreadable",
        hint="Try again; if it stays, whoever runs this gateway must check the connector's token address.",
        reached_upstream=False,
    )
