"""Every hook watched: in which order they run, and how often in each way that a call can come."""

from __future__ import annotations

import inspect
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hookline import (
    Connector,
    Decision,
    OAuth2Credential,
    Reservation,
    RetryDecision,
    Secret,
    StreamTransform,
    hookimpl,
    hookspecs,
)
from hookline.cli.plugin_commands import collect_commands
from hookline.errors import ConfigurationError, ContentBlockedError
from hookline.gateway import Gateway, load_plugins
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from mcp_lab import call, headers_of, modern

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

KEY = "a-key-for-tests-only-0001"
HEADERS = {"authorization": f"Bearer {KEY}"}
ORIGIN = "http://sandbox.invalid:80"
SOON_S = 20.0
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("hookline_"))
CALL_HOOKS = tuple(name for name in HOOKS if name not in hookspecs.SETUP_HOOKS)

CHAT: dict[str, object] = {"model": "sandbox", "prompt": "hello"}
WIRE: dict[str, object] = {"model": "sandbox", "messages": [{"role": "user", "content": "hello"}]}


def make_parcels() -> Connector:
    """Return a connector of a service that wants access tokens."""
    credential = OAuth2Credential(token_url="https://login.parcels.example/token")
    parcels = Connector(
        "parcels", title="Parcels", base_url="https://api.parcels.example", credential=credential
    )
    parcels.endpoint("find", "GET", "/parcels", input={"type": "object"}, output={"type": "object"})
    return parcels


class Parcels:
    """A plugin with that connector."""

    def __init__(self) -> None:
        self.connector = make_parcels()


class Pass(StreamTransform):
    """Lets a stream through as it is."""


def _a_secret() -> Secret:
    return Secret("a-canary", allowed_origins=frozenset({ORIGIN}))


_RESULTS: dict[str, Callable[[], object]] = {
    "hookline_authorize": lambda: Decision(allow=True),
    "hookline_admit": Reservation,
    "hookline_resolve_credential": _a_secret,
    "hookline_exchange_credential": _a_secret,
    "hookline_open_stream": Pass,
}


class Watch:
    """Implements every hook of a call, notes that it was called, and leaves everything as it is.

    Args:
        again: Whether it asks for another attempt after the first that fails.
        inner: The action that every call from outside runs besides its own.

    Attributes:
        order: The hooks in the order in which they were called.
        is_over: Set when a job is over.
    """

    def __init__(self, *, again: bool = False, inner: str | None = None) -> None:
        self.order: list[str] = []
        self.is_over = threading.Event()
        self._again = again
        self._inner = inner
        for name in CALL_HOOKS:
            setattr(self, name, hookimpl(tryfirst=True)(self._watching(name)))

    def _watching(self, name: str) -> Callable[..., object]:
        def watch(**arguments: Any) -> object:
            self.order.append(name)
            if name == "hookline_job_over":
                self.is_over.set()
            if name == "hookline_retry" and self._again and arguments["attempt"].number == 1:
                return RetryDecision(again=True)
            if name == "hookline_process_response" and self._inner and arguments["call"].parent is None:
                arguments["call"].run(self._inner, {"input": "hello"})
            return _RESULTS.get(name, lambda: None)()

        return with_arguments(name, watch)


def with_arguments(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that takes the arguments of a hook by their names, as pluggy wants it."""
    names = list(inspect.signature(getattr(hookspecs, name)).parameters)
    handed_on = ", ".join(f"{one}={one}" for one in names)
    found: dict[str, Callable[..., object]] = {}
    exec(f"def {name}({', '.join(names)}): return function({handed_on})", {"function": function}, found)
    return found[name]


def run_watched(watch: object, *more: object, **settings: object) -> Gateway:
    """Return a gateway over the sandbox, with every bundled plugin and one that watches."""
    read = Settings.model_validate({"api_keys": [KEY], "sandbox": True, **settings})
    host = load_plugins(read)
    host.register(Parcels(), name="parcels")
    for number, plugin in enumerate((watch, *more)):
        host.register(plugin, name=f"watch_{number}")
    return Gateway(read, host=host, environ={})


Send = Callable[["FlaskClient"], "TestResponse"]


def post(path: str, body: dict[str, object], **headers: str) -> Send:
    """Return what posts JSON as a caller with a key."""
    return lambda client: client.post(path, json=body, headers={**HEADERS, **headers})


_MCP = modern("tools/call", call("openai_chat", CHAT))

PLAIN = "action door, whole answer"
JOB = "job, asked for and run"
TOKENS = "service that wants access tokens"
MODES: dict[str, Send] = {
    PLAIN: post("/actions/openai.chat", CHAT),
    "action door, stream": post("/actions/openai.chat", {**CHAT, "stream": True}),
    "wire door, whole answer": post("/v1/chat/completions", WIRE),
    "wire door, stream": post("/v1/chat/completions", {**WIRE, "stream": True}),
    "MCP tool": post("/mcp", _MCP, **headers_of(_MCP)),
    JOB: post("/actions/openai.chat", CHAT, prefer="respond-async"),
    "bulk of three items": post("/actions/openai.chat", {"items": [CHAT, CHAT, CHAT]}),
    "a call inside another": post("/actions/openai.chat", CHAT),
    TOKENS: post("/actions/parcels.find", {}),
    "first attempt fails, second is good": post(
        "/actions/openai.chat", CHAT, **{"x-sandbox-fault": "status-503-times-1"}
    ),
    "input is not valid": post("/actions/openai.chat", {"model": "sandbox"}),
    "no valid key": lambda client: client.post("/actions/openai.chat", json=CHAT),
}


def watch_mode(mode: str) -> list[str]:
    """Return the hooks that run in one of the modes, in their order."""
    inner = "openai.moderate" if mode == "a call inside another" else None
    watch = Watch(again=mode.startswith("first attempt"), inner=inner)
    gateway = run_watched(watch)
    try:
        gateway.start_background()
        answer = MODES[mode](create_app(gateway).test_client())
        assert answer.data  # reads a stream to its end
        if mode == JOB:
            assert answer.status_code == 202, answer.data
            assert watch.is_over.wait(SOON_S)
    finally:
        gateway.close()
    return watch.order


def count_modes() -> dict[str, Counter[str]]:
    """Return how often each hook runs in each mode; for a call inside another, how often for that one."""
    counts = {mode: Counter(watch_mode(mode)) for mode in MODES}
    inner = counts["a call inside another"]
    inner.subtract(counts[PLAIN])
    return counts


FAULTS = ("raises a `HooklineError`", "raises anything else", "returns a wrong type")
NO_START = "the gateway does not start"
LEFT_OUT = "the plugin is left out"
NO_COMMANDS = "its commands are missing"
NOTHING = "nothing"

# The way that a call must come for a hook to run, where a plain one does not make it run.
_WAY_TO = {
    "hookline_open_stream": "action door, stream",
    "hookline_exchange_credential": TOKENS,
    "hookline_renew_principal": JOB,
    "hookline_job_over": JOB,
    "hookline_retry": "service refuses",
    "hookline_map_error": "service refuses",
}
_REFUSED = post("/actions/openai.chat", CHAT, **{"x-sandbox-fault": "status-400"})


class Bad:
    """Does one thing wrong in one hook."""

    def __init__(self, hook: str, fault: str) -> None:
        def misbehave(**arguments: object) -> object:
            if fault == FAULTS[0]:
                raise ContentBlockedError("A plugin said no.")
            if fault == FAULTS[1]:
                raise RuntimeError("A plugin failed.")
            return object()

        setattr(self, hook, hookimpl(tryfirst=True)(with_arguments(hook, misbehave)))
        if hook == "hookline_settle":  # asked only for what it has set aside itself
            self.hookline_admit = hookimpl(with_arguments("hookline_admit", lambda **_: Reservation()))


def outcome_of(hook: str, fault: str) -> str:
    """Return what comes of a plugin that does something wrong in a hook: status and code, or in words."""
    watch, bad = Watch(), Bad(hook, fault)
    if hook == "hookline_register_commands":
        host = PluginHost()
        host.register(bad, name="bad")
        return NO_COMMANDS if collect_commands(host).problems else NOTHING
    try:
        gateway = run_watched(watch, bad)
    except ConfigurationError:
        return NO_START
    try:
        if gateway.host.plugins["watch_1"].status == "refused":
            return LEFT_OUT
        if hook == "hookline_catalog_changed":
            parcels = gateway.catalog.connectors["parcels"]
            gateway.replace_connectors(removed=[parcels], added=[make_parcels()])
        client = create_app(gateway).test_client()
        way = _WAY_TO.get(hook, PLAIN)
        if way != JOB:
            return told((_REFUSED if way == "service refuses" else MODES[way])(client))
        gateway.start_background()
        job = MODES[JOB](client)
        assert watch.is_over.wait(SOON_S)
        return told(client.get(job.headers["location"], headers=HEADERS))
    finally:
        gateway.close()


def told(answer: TestResponse) -> str:
    """Return status and code of an answer as pages show them, also of the error that a stream ends with."""
    text = answer.get_data(as_text=True)
    found = re.search(r'"error":\s*\{.*?"code":\s*"(\w+)"', text)
    if found is None:
        return NOTHING if answer.status_code == 200 else str(answer.status_code)
    return "that error" if found[1] == ContentBlockedError.code else f"{answer.status_code} `{found[1]}`"


def setup_order() -> list[str]:
    """Return the hooks around calls in the order in which a gateway calls them."""
    order: list[str] = []
    names = [name for name in HOOKS if name in hookspecs.SETUP_HOOKS and name != "hookline_register_commands"]
    plugin = type("Setup", (), {})()
    for name in names:
        note = with_arguments(name, lambda name=name, **_: order.append(name))
        setattr(plugin, name, hookimpl(note))
    run_watched(plugin).close()
    return order
