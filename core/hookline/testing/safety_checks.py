"""Checks of what must never happen: credentials that leak, and input that changes where a request goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.connection import origin_of
from hookline.credential import OAuth2Credential
from hookline.filling import PLACEHOLDER
from hookline.testing.findings import fail, fail_if, leaks
from hookline.testing.script import make_answer
from hookline.testing.spy import HookSpy
from hookline.testing.suite_base import ConnectorChecks

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.testing.sent import SentRequest
    from hookline.testing.upstream import ScriptedUpstream

HOSTILE_PATHS = {
    "parent": "../admin",
    "parents": "a/../../b",
    "dots": "..",
    "encoded dots": "%2e%2e%2fadmin",
    "query": "x?admin=1",
    "fragment": "x#y",
    "slashes": "//evil.example/x",
    "origin": "https://evil.example/",
    "user info": "@evil.example",
    "newline": "a\nb",
    "header": "a\r\nHost: evil.example",
    "backslash": "..\\admin",
    "nul": "a\x00b",
}


class SafetyChecks(ConnectorChecks):
    """What must never happen."""

    def more_cases(self, actions: Sequence[Action]) -> dict[str, dict[str, object]]:
        """Return every field of a path with every hostile value."""
        found: dict[str, object] = {
            f"{action.id}-{field}-{name}": (action, field, value)
            for action in actions
            for field in PLACEHOLDER.findall(action.path)
            for name, value in HOSTILE_PATHS.items()
        }
        return {**super().more_cases(actions), "checked_path": found}

    def test_the_credential_goes_only_where_it_belongs(
        self, checked_action: Action, upstream: ScriptedUpstream
    ) -> None:
        """Requests to other origins carry nothing of it, and no request carries it in its path."""
        with self.open(upstream, is_sandbox=False) as gateway:
            self.script(gateway, checked_action, upstream)
            secret = gateway.credential(self.connector.id)
            self.run(gateway, checked_action)
            own = {origin_of(gateway.app.connections[self.connector.id].base_url)}
            credential = self.connector.credential
            if isinstance(credential, OAuth2Credential):
                own.add(origin_of(credential.token_url))
        problems = []
        for sent in upstream.requests:
            whole = f"{sent.url} {dict(sent.headers)} {sent.text}"
            if sent.origin not in own and leaks(whole, secret):
                problems.append(
                    f"{checked_action.id} sends the credential of its connection to {sent.origin}."
                )
            if leaks(urlsplit(sent.url).path, secret):
                problems.append(f"{checked_action.id} puts its credential into the path of {sent.method}.")
        fail_if(problems, "Leave it to the gateway: declare `credential=…`, and read it nowhere else.")

    def test_the_credential_shows_nowhere(self, checked_action: Action, upstream: ScriptedUpstream) -> None:
        """It is in no answer, log line, description, record or export, whether calls go well or badly."""
        spy = HookSpy()
        places: dict[str, str] = {}
        with _logged() as lines, self.open(upstream, is_sandbox=False, spy=spy) as gateway:
            secret = gateway.credential(self.connector.id)
            self.script(gateway, checked_action, upstream)
            well = self.run(gateway, checked_action)
            refusal = {"error": {"message": "This key is not valid.", "debug": secret}, "key": secret}
            upstream.answers_with("*", "*", make_answer(json=refusal, status=401))
            badly = self.run(gateway, checked_action)
            places["an answer"] = f"{well.content!r} {dict(well.headers)}"
            places["an error"] = f"{badly.content!r} {dict(badly.headers)}"
            places["`repr` of the gateway's parts"] = repr(
                [gateway.app.settings, gateway.app.connections, gateway.connectors, spy.calls]
            )
            places["the record of a call"] = repr([call.record for call in spy.calls])
            for target in ("openapi", "mcp"):
                reply = gateway.client.get(f"/exports/{target}", headers=gateway.headers)
                places[f"the export {target!r}"] = reply.get_data(as_text=True)
            places["a log line"] = "\n".join(lines)
        found = [
            f"The credential of {self.connector.id!r} shows in {place} of {checked_action.id}."
            for place, text in places.items()
            if leaks(text, secret)
        ]
        fail_if(found, "Do not log, return or keep what `secret.reveal()` or a request's headers hold.")

    def test_a_field_in_a_path_cannot_change_where_a_request_goes(
        self, checked_path: tuple[Action, str, str] | None, upstream: ScriptedUpstream
    ) -> None:
        """A hostile value is refused, or stays one quoted segment of the path."""
        if checked_path is None:
            return
        action, field, value = checked_path
        with self.open(upstream, is_sandbox=False) as gateway:
            self.script(gateway, action, upstream)
            self.run(gateway, action, fields={field: "plain"})
            plain = list(upstream.requests)
            upstream.requests.clear()
            result = self.run(gateway, action, fields={field: value})
            hostile = list(upstream.requests)
        if not hostile:
            if result.status < 400 or result.status >= 500:
                fail(
                    f"{action.id} with {value!r} as `{field}` sent nothing and answered {result.status}.",
                    "Let it be refused with 422: `fill_path` does that for every field of `path`.",
                )
            return
        if not plain:
            fail(f"{action.id} refuses the harmless value 'plain' as `{field}`.", "Write `inputs = {…}`.")
        problems = _differences(plain[0], hostile[0], action.id, field, value)
        fail_if(
            problems,
            "Quote it: declare the path with `{field}`, or use `urllib.parse.quote(value, safe='')`.",
        )


def _differences(
    plain: SentRequest, hostile: SentRequest, action_id: str, field: str, value: str
) -> list[str]:
    begin = f"{action_id} with {value!r} as `{field}`"
    if hostile.origin != plain.origin:
        return [f"{begin} goes to {hostile.origin}, not to {plain.origin}."]
    one, two = urlsplit(plain.url), urlsplit(hostile.url)
    problems = []
    if hostile.method != plain.method:
        problems.append(f"{begin} is a {hostile.method}.")
    segments = two.path.split("/")
    if len(segments) != len(one.path.split("/")) or ".." in segments or "." in segments:
        problems.append(f"{begin} has the path {two.path}, of another form than {one.path}.")
    if set(plain.query) != set(hostile.query) or two.fragment != one.fragment or "#" in hostile.url:
        problems.append(f"{begin} changes query or fragment: {hostile.url}")
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in hostile.url):
        problems.append(f"{begin} puts a control character into the address.")
    return problems


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Yield the log lines of everything, down to those for debugging."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, keeper = logging.getLogger(), Keeper()
    level = root.level
    keeper.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)
