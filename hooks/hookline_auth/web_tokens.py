"""JSON Web Tokens of the issuers that are set: whose they are, and what they allow.

A token is ours if it has the form of one and names an issuer that is set; then it is valid or refused, and
nobody else is asked. Nothing that a token says about where its key is counts: the key comes from the
issuer's own set, by its name there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from hookline.limit import parse_limit
from hookline.principal import ANYTHING, Caps, KeyLimits, Principal
from hookline_auth.key_memory import Holder, Memory
from hookline_auth.key_records import TENANT
from hookline_auth.refusals import RefusedError

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_auth.issuer_keys import IssuerKeys
    from hookline_auth.options import GrantOptions, IssuerOptions

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_MAX_TEXT_LENGTH = 200
_MAX_SUBJECT_LENGTH = 1000
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class WebTokens:
    """Recognises tokens.

    Args:
        issuers: What is set for each issuer, with its keys.
        clock: What time it is.
        cache_s: For how many seconds a valid token is remembered.
    """

    def __init__(
        self, issuers: Sequence[tuple[IssuerOptions, IssuerKeys]], clock: Clock, *, cache_s: float
    ) -> None:
        self._issuers = {options.issuer: (options, keys) for options, keys in issuers}
        self._clock = clock
        self._cache_s = cache_s
        self._memory = Memory()

    def find(self, text: str) -> Principal | None:
        """Return whom a token stands for, or None if it is not of an issuer that is set.

        Raises:
            RefusedError: If it is not valid.
            StoreUnavailableError: If that cannot be found out.
        """
        digest = hashlib.sha256(text.encode()).digest()
        now = self._clock.monotonic()
        holder = self._memory.get(digest, now)
        if holder is None:
            found = self._issuer_of(text)
            if found is None:
                return None
            holder = self._check(text, *found, now=now)
            self._memory.put(digest, holder, self._memory.generation, now)
        return holder.principal

    def _issuer_of(self, text: str) -> tuple[IssuerOptions, IssuerKeys] | None:
        if not _FORM.fullmatch(text):
            return None
        issuer = _read_part(text.split(".")[1]).get("iss")
        return self._issuers.get(issuer) if isinstance(issuer, str) else None

    def _check(self, text: str, options: IssuerOptions, keys: IssuerKeys, *, now: float) -> Holder:
        header = _read_part(text.split(".")[0])
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if algorithm not in options.algorithms:
            raise RefusedError("token", detail="its algorithm is not taken")
        if "crit" in header or not (isinstance(kind, str) and kind.lower() in _TYPES):
            raise RefusedError("token", detail="its header asks for what is not known here")
        if kid is not None and not isinstance(kid, str):
            raise RefusedError("token", detail="its header is garbled")
        key = keys.find(kid=kid, algorithm=str(algorithm))
        if key is None:
            raise RefusedError("token", detail="the issuer has no such key")
        claims = _verify(text, key, str(algorithm))
        now_s = self._clock.now().timestamp()
        expires_s = _check_claims(claims, options, now_s=now_s)
        return Holder(
            principal=_principal_of(claims, options),
            until=now + min(self._cache_s, expires_s - now_s),
        )


def has_form_of_token(text: str) -> bool:
    """Tell whether a text has the form of a signed token."""
    return _FORM.fullmatch(text) is not None


def _read_part(text: str) -> dict[str, object]:
    """Return a part of a token that nobody has checked yet; empty if it is none."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _verify(text: str, key: object, algorithm: str) -> dict[str, object]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    from hookline_auth.token_registry import TokenRegistry

    registry = TokenRegistry(algorithm)
    try:
        return jwt.decode(text, key, algorithms=[algorithm], registry=registry).claims  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise RefusedError("token", detail="its signature is not valid") from None


def _check_claims(claims: Mapping[str, object], options: IssuerOptions, *, now_s: float) -> float:
    """Check for whom and when a token is; return when it ends."""
    if claims.get("iss") != options.issuer:
        raise RefusedError("token", detail="it is another issuer's")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if not any(one in options.audience for one in named if isinstance(one, str)):
        raise RefusedError("token", detail="it is for another audience")
    expires_s = _time(claims, "exp")
    if expires_s is None:
        raise RefusedError("token", detail="it never ends")
    if expires_s + options.leeway_s <= now_s:
        raise RefusedError("expired", detail="a token")
    for name in ("nbf", "iat"):
        begins_s = _time(claims, name)
        if begins_s is not None and begins_s - options.leeway_s > now_s:
            raise RefusedError("token", detail="it is not valid yet")
    return expires_s + options.leeway_s


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise RefusedError("token", detail=f"its {name} is no time")
    return float(value)


def _principal_of(claims: Mapping[str, object], options: IssuerOptions) -> Principal:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT_LENGTH:
        raise RefusedError("token", detail="it has no subject")
    tenant = options.tenant
    if options.tenant_claim is not None:
        value = claims.get(options.tenant_claim)
        tenant = value if isinstance(value, str) and TENANT.fullmatch(value) else None
    if tenant is None:
        raise RefusedError("token", detail="it names no tenant")
    grant = _grant_of(claims, options)
    label = claims.get(options.label_claim)
    key_id = "jwt_" + hashlib.sha256(f"{options.issuer}\0{subject}".encode()).hexdigest()[:20]
    return Principal(
        key_id=key_id,
        tenant=tenant,
        scopes=frozenset(grant.scopes),
        label=label[:_MAX_TEXT_LENGTH] if isinstance(label, str) and label.isprintable() else "",
        actions=_patterns(grant.actions),
        models=_patterns(grant.models),
        connections=grant.connections,
        caps=Caps(
            max_output_tokens=grant.max_output_tokens,
            max_choices=grant.max_choices,
            max_stream_s=grant.max_stream_s,
        ),
        limits=(KeyLimits(key_id=key_id, limits=tuple(parse_limit(text) for text in grant.limits)),),
    )


def _grant_of(claims: Mapping[str, object], options: IssuerOptions) -> GrantOptions:
    value = claims.get(options.scope_claim)
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    held = {word for word in words if isinstance(word, str)}
    for grant in options.grants:
        if grant.claim in held:
            return grant
    raise RefusedError("token", detail="no grant is for it")


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return ANYTHING if patterns == ANYTHING else patterns
