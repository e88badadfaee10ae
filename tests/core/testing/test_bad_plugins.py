"""A plugin that does everything wrong is told so, in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

BAD_CONNECTOR = """
import logging, threading
from hookline import Connector, ErrorRule, HooklineError, Sample, hookimpl

connector = Connector("bad", title="bad", base_url="http://api.bad.example")
last = {}
log = logging.getLogger("hookline_bad")


def prepare(call, request):
    last.update(call.input)
    threading.Event().wait(0.002)
    request.path = "/things/" + str(last["name"])
    request.body = {}


def look(call, request):
    request.path = "/things/" + str(call.input["id"])


def present(call, raw):
    return raw


connector.endpoint(
    "make", "POST", "/things/{name}",
    input={"type": "object", "properties": {"name": {"type": "string"}, "size": {}}, "required": ["name"]},
    output={"type": "object", "properties": {"made": {"type": "string", "title": "Made"}}},
    samples=[Sample(title="one", input={"name": 1}, output={"made": "x"})],
    prepare=prepare,
)
connector.endpoint(
    "look", "GET", "/things/{id}", description="Look at something that was made.",
    input={"type": "object", "properties": {"id": {"type": "string", "title": "Id"}}, "required": ["id"],
           "additionalProperties": False},
    output={"type": "object", "properties": {"made": {"type": "integer", "title": "Made"}}},
    samples=[Sample(title="one", input={"id": "1"}, output={"made": 1})],
    prepare=look, present=lambda call, raw: {"made": "text"},
)


@hookimpl(tryfirst=True)
def hookline_apply_upstream_auth(call, request, secret):
    log.info("signing with %s", secret.reveal())
    return None


@hookimpl
def hookline_map_error(call, error):
    if error.answer is not None:
        return HooklineError("The service said: " + error.answer.content.decode())
"""

BAD_HOOK = """
from hookline import Call, Decision, PluginOptions, hookimpl
from hookline.principal import Decision


class Options(PluginOptions):
    level: int


class BadPlugin:
    options = Options

    @hookimpl
    def hookline_proces_response(self, call, response):
        pass

    @hookimpl
    def hookline_shape_request(self, call, request, config):
        pass

    def hookline_map_error(self, call, error):
        pass


class Store:
    def is_allowed(self, key):
        return True


class LoudPlugin:
    @hookimpl
    def hookline_shape_request(self, call, request):
        request.headers["x-loud"] = call.input["text"].encode("ascii").decode()

    @hookimpl
    def hookline_process_response(self, call, response):
        response.output["text"] = len(response.output["text"])

    @hookimpl
    def hookline_run_order(self, principal, order, proceed):
        proceed(order)
        return proceed(order)

    @hookimpl
    def hookline_authorize(self, call):
        try:
            return Decision(allow=Store().is_allowed(call.principal.key_id))
        except ConnectionError:
            return Decision(allow=True)
"""


MORE_OF_THE_SAME = ("401", "409", "422", "429", "503", "timeout", "reset", "cut", "garbage", "huge")


def _failures(pytester: pytest.Pytester, **files: str) -> tuple[dict[str, int], str]:
    pytester.makepyfile(**files)
    chosen = f"not ({' or '.join(MORE_OF_THE_SAME)})"
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-W", "error", "-k", chosen)
    return result.parseoutcomes(), result.stdout.str()


def test_a_bad_connector_is_told_what_is_wrong(pytester: pytest.Pytester) -> None:
    outcomes, text = _failures(
        pytester,
        hookline_bad=BAD_CONNECTOR,
        test_bad="""
            import hookline_bad
            from hookline.testing import ConnectorSuite

            class TestBad(ConnectorSuite):
                connector = hookline_bad.connector
                plugin = hookline_bad
                inputs = {"bad.make": {"name": "a"}}
        """,
    )

    findings = [
        "The connector 'bad' has no title that people know the service by.",
        "The base URL of 'bad' is 'http://api.bad.example', which is not https.",
        "bad.make: its description says no more than its title, 'Make'.",
        "The field `size` of the input of bad.make has no title and no description.",
        "The input of the sample 'one' of bad.make does not fit: `name`: 1 is not of type 'string'",
        "The output of bad.look (plain) does not fit its schema: `made`: 'text' is not of type 'integer'",
        "The output of bad.look (async) does not fit its schema: `made`: 'text' is not of type 'integer'",
        "The output of bad.look (items) does not fit its schema: `made`: 'text' is not of type 'integer'",
        "bad.make took the unknown field `surely_unknown_field`: it answered 200",
        "bad.look, when its service answers '404', must tell its caller 400 or 404",
        "bad.look, when its service answers '500', must tell its caller 502 or 503, not 500 internal_error: ",
        "bad.look, when its service answers '403', shows its caller a text of the service that is not meant",
        "bad.make with '../admin' as `name` has the path /things/../admin, of another form than "
        "/things/plain.",
        "bad.make with 'x?admin=1' as `name` changes query or fragment",
        "A call of bad.make lost its `name` while others ran",
        "The credential of 'bad' shows in a log line of bad.make.",
    ]
    missing = [finding for finding in findings if _plain(finding) not in _plain(text)]
    assert missing == [], text
    assert text.count("→ ") >= 11
    assert outcomes["failed"] >= 11
    assert "errors" not in outcomes


def test_a_bad_hook_plugin_is_told_what_is_wrong(pytester: pytest.Pytester) -> None:
    outcomes, text = _failures(
        pytester,
        hookline_bad=BAD_HOOK,
        test_bad="""
            import hookline_bad
            from hookline.testing import HookSuite

            class TestBad(HookSuite):
                plugin = hookline_bad.BadPlugin

            class TestLoud(HookSuite):
                plugin = hookline_bad.LoudPlugin
                dependencies = ("hookline_bad:Store.is_allowed",)
        """,
    )

    findings = [
        "BadPlugin: hookline_proces_response() is no hook of this version; did you mean "
        "hookline_process_response()?",
        "BadPlugin: hookline_map_error() is not marked.",
        "BadPlugin: hookline_shape_request() takes `config`; it may take call, request.",
        "BadPlugin is refused: Plugin 'under_test': hookline_map_error() is not marked",
        "BadPlugin: the option `level` has no description.",
        "BadPlugin: the option `level` has no default.",
        "BadPlugin cannot be used: ",
        "LoudPlugin is not for bystander.say (plain), and answers ",
        "LoudPlugin is not for bystander.say (wire stream), and sends ",
        "LoudPlugin: bystander.say failed with 500: ",
        "LoudPlugin: the output of bystander.say does not fit: `text`: ",
        "LoudPlugin: one call became 2 requests to the service.",
        "LoudPlugin: when hookline_bad:Store.is_allowed is down, the call is admitted all the same (200); it "
        "must be denied.",
    ]
    missing = [finding for finding in findings if _plain(finding) not in _plain(text)]
    assert missing == [], text
    assert outcomes["failed"] >= 11
    assert "Put `@hookimpl` above it." in text


def _plain(text: str) -> str:
    return " ".join(text.split())
