"""How a document's service is shown its credential, as the one credential that a connection has.

Source: OpenAPI 2.0 and 3.1.1, "Security Scheme Object", "Security Requirement Object".
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.importing import reasons
from hookline.importing.document import Document, JsonObject, list_of, object_of, text_of
from hookline.importing.findings import LeftOutError
from hookline.importing.parameters import GATEWAY_HEADERS
from hookline.importing.servers import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

Requirement = tuple[str, ...]
"""Names of the schemes that are wanted together."""

NOT_SHOWN = (
    "The service wants a credential in a way that no gateway loads, so none is shown to it: "
    "correct the document, or set `credential` by hand."
)
"""What whoever sets the credential should know if it had to be taken out."""

_MAX_SCHEMES = 50
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,300}\Z")  # RFC 6749, section 3.3


@dataclass(kw_only=True, slots=True)
class Security:
    """The credential of a document.

    Attributes:
        credential: As a manifest has it.
        schemes: Names of the schemes that it is for.
        taken: Where it goes, as ``in`` and name in lower case.
        notes: What whoever sets the credential should know.
    """

    credential: object = "none"
    schemes: Requirement = ()
    taken: frozenset[tuple[str, str]] = frozenset()
    notes: list[str] = field(default_factory=list)


def read_security(document: Document, operations: Iterable[JsonObject]) -> Security:
    """Return the credential that most operations want.

    Args:
        document: The document.
        operations: Its operations, which may have requirements of their own.
    """
    schemes = _schemes(document)
    wanted: Counter[Requirement] = Counter()
    for operation in operations:
        for requirement in requirements_of(document, operation):
            wanted[requirement] += 1
    usable = [
        (requirement, found)
        for requirement in sorted(wanted, key=lambda one: (-wanted[one], len(one), one))
        if requirement and (found := _usable(document, schemes, requirement)) is not None
    ]
    if usable:
        requirement, found = min(
            usable, key=lambda one: (len(one[0]) > 1, -wanted[one[0]], _rank(one[1]), one[0])
        )
        found.schemes = requirement
        _note_others(document, schemes, requirement, found)
        return found
    if wanted or not schemes:
        if any(wanted):
            document.findings.add(reasons.CREDENTIAL, document.name, ", ".join(sorted(schemes)[:8]))
            return Security(notes=[_none_usable(schemes)])
        document.findings.add(reasons.NO_CREDENTIAL, document.name)
        return Security()
    for name in schemes:  # schemes that nothing asks for: the document forgot `security`
        found = _usable(document, schemes, (name,))
        if found is not None:
            found.notes.insert(0, "The document does not say which operations want a credential.")
            return found
    return Security()


def requirements_of(document: Document, operation: JsonObject) -> list[Requirement]:
    """Return the alternatives of an operation; an empty one stands for no credential."""
    given = operation.get("security", document.root.get("security"))
    return [tuple(sorted(str(name)[:200] for name in object_of(one))) for one in list_of(given)[:20]]


def wants_another(document: Document, operation: JsonObject, security: Security) -> bool:
    """Tell whether an operation cannot be run with the credential."""
    wanted = requirements_of(document, operation)
    if not wanted:
        return False
    had = set(security.schemes)
    return not any(set(one) <= had for one in wanted)


def _schemes(document: Document) -> dict[str, JsonObject]:
    if document.version == "2.0":
        given = object_of(document.root.get("securityDefinitions"))
    else:
        given = object_of(object_of(document.root.get("components")).get("securitySchemes"))
    found: dict[str, JsonObject] = {}
    for name, one in list(given.items())[:_MAX_SCHEMES]:
        try:
            found[name[:200]] = document.follow(one)
        except LeftOutError as exc:
            document.findings.add(reasons.for_part(exc.reason), f"security scheme {name}", exc.what)
    return found


def _usable(document: Document, schemes: dict[str, JsonObject], requirement: Requirement) -> Security | None:
    for name in requirement:
        if name in schemes and (found := _credential(document, schemes[name])) is not None:
            if problem := credential_problem(found.credential):
                document.findings.add(reasons.REFUSED_CREDENTIAL, f"security scheme {name}", problem)
                continue
            if len(requirement) > 1:
                rest = ", ".join(one for one in requirement if one != name)
                found.notes.append(
                    f"The service wants {rest[:200]} too. A connection has one credential: add the other "
                    "as a fixed value to `defaults` of the actions if it is no secret, or write a hook."
                )
            return found
    return None


def _credential(document: Document, scheme: JsonObject) -> Security | None:
    kind = text_of(scheme.get("type"))
    if kind == "basic" or (kind == "http" and text_of(scheme.get("scheme")).lower() == "basic"):
        return Security(credential="basic", notes=["The credential is `user:password`."])
    if kind == "http" and text_of(scheme.get("scheme")).lower() == "bearer":
        return Security(credential="bearer")
    if kind == "apiKey":
        return _api_key(scheme)
    if kind == "oauth2":
        return _oauth2(document, scheme)
    if kind == "openIdConnect":
        return Security(
            credential="bearer", notes=["The service uses OpenID Connect: the credential is an access token."]
        )
    return None


def credential_problem(credential: object) -> str | None:
    """Return why no gateway would load a credential; None if one would.

    Args:
        credential: As a manifest has it.
    """
    from hookline.importing.checking import build

    action: JsonObject = {"method": "GET", "path": "/", "output": {"type": "object"}}
    manifest: JsonObject = {
        "manifest": 1,
        "id": "probe",
        "title": "Probe",
        "base_url": "https://probe.invalid",
        "credential": credential,
        "actions": {"get": action},
    }
    problems = build(manifest)[1]
    return problems[0][1] if problems else None


def _api_key(scheme: JsonObject) -> Security | None:
    name, where = text_of(scheme.get("name")), text_of(scheme.get("in"))
    if not name or len(name) > 100 or not name.isascii() or not name.isprintable() or " " in name:
        return None
    if where == "query":
        return Security(
            credential={"kind": "query", "parameter": name}, taken=frozenset({("query", name.lower())})
        )
    if where != "header" or any(character in name for character in '"(),/:;<=>?@[\\]{}'):
        return None
    if name.lower() == "authorization":
        return Security(
            credential={"kind": "header", "header": "authorization"},
            notes=[
                "The credential is the whole header `Authorization`, with a word such as `Bearer` in front."
            ],
        )
    if name.lower() in GATEWAY_HEADERS:
        return None
    return Security(
        credential={"kind": "header", "header": name.lower()}, taken=frozenset({("header", name.lower())})
    )


def _oauth2(document: Document, scheme: JsonObject) -> Security:
    flows = object_of(scheme.get("flows"))
    if document.version == "2.0":
        names = {"application": "clientCredentials", "accessCode": "authorizationCode"}
        flow = text_of(scheme.get("flow"))
        flows = {names.get(flow, flow): scheme}
    machine = object_of(flows.get("clientCredentials"))
    if url := _token_url(document, machine):
        credential: JsonObject = {"kind": "oauth2", "token_url": url}
        scopes = sorted(name for name in object_of(machine.get("scopes")) if _SCOPE.match(name))
        if 0 < len(scopes) <= 5:
            credential["scopes"] = scopes
        return Security(credential=credential, notes=["The credential is `client_id:client_secret`."])
    person = object_of(flows.get("authorizationCode"))
    notes = ["The service uses OAuth 2: the credential is an access token that you fetched."]
    if url := _token_url(document, person):
        notes.append(
            "To have tokens renewed, replace `credential` by `{kind: oauth2, grant: refresh_token, "
            f"token_url: {url}}}`; then it is `client_id:client_secret:refresh_token`."
        )
    return Security(credential="bearer", notes=notes)


def _token_url(document: Document, flow: JsonObject) -> str:
    url = text_of(flow.get("tokenUrl"))
    if url and "://" not in url and document.url is not None:
        url = joined(document.url, url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_sound = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    return url if is_sound and url.isprintable() and " " not in url and len(url) < 1_000 else ""


def _rank(security: Security) -> int:
    """Order kinds by how little has to be done for them."""
    credential = security.credential
    if isinstance(credential, dict):
        return {"header": 1, "query": 3, "oauth2": 4}.get(str(credential["kind"]), 9)
    return {"bearer": 4 if security.notes else 0, "basic": 2}.get(str(credential), 9)


def _note_others(
    document: Document, schemes: dict[str, JsonObject], requirement: Requirement, found: Security
) -> None:
    others = [name for name in schemes if name not in requirement]
    if others:
        document.findings.add(reasons.CREDENTIAL, document.name, f"also: {', '.join(others)[:200]}")
        found.notes.append(f"The document knows other ways too: {', '.join(others)[:200]}.")


def _none_usable(schemes: dict[str, JsonObject]) -> str:
    return (
        "The service wants a credential in a way that a manifest cannot say "
        f"({', '.join(schemes)[:200] or 'not told'}). Write a hook "
        "`hookline_apply_upstream_auth`, or set `credential` by hand."
    )
