"""What people on each platform see of an error, and what the platform does because of its status.

Each platform is a small function that reads what that platform reads:

- n8n writes a title of its own by status, and below it the body's ``message``; where it searches the body by
  itself it finds the member ``error`` first (``n8n-io/n8n``, ``node-api.error.ts``).
- Zapier tells 401 and 429 apart from all others, waits as ``Retry-After`` says, and shows what the app's own
  code takes from the body: its template takes ``error.message``.
- Make shows ``[status] message`` and does what the app's table of errors says for the status.
- Power Automate repeats 408, 429 and all from 500 on by itself, and shows the body's ``error.message``.
- OpenAI's SDK raises an exception by status and shows the body's ``error.message``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openai
import pytest

from forms_lab import FormsLab, caller
from hookline import Call, hookimpl
from hookline.errors import StoreUnavailableError
from hookline_limits import LimitsPlugin
from hookline_moderation import ModerationPlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAT: dict[str, Any] = {"model": "gpt-5.4-mini", "prompt": "hi"}
MESSAGES: Any = [{"role": "user", "content": "hi"}]

N8N_TITLES = {
    400: "Bad request - please check your parameters",
    401: "Authorization failed - please check your credentials",
    402: "Payment required - perhaps check your payment details?",
    403: "Forbidden - perhaps check your credentials?",
    404: "The resource you are requesting could not be found",
    422: "Your request is invalid or could not be processed by the service",
    429: "The service is receiving too many requests from you",
    500: "The service was not able to process your request",
    502: "Bad gateway - the service failed to handle your request",
    503: "Service unavailable - try again later or consider setting this node to retry automatically",
    504: "Gateway timed out - perhaps try again later?",
}


# ---------------------------------------------------------------- what each platform reads


def n8n_shows(status: int, body: Any) -> tuple[str, str]:
    """Return title and description of the failed node."""
    return N8N_TITLES[status], body.get("message") or body["error"]["message"]


def n8n_finds(body: Any) -> str:
    """Return what n8n finds where it searches the body: the first of its names, and inside that again."""
    found = next(body[name] for name in ("cause", "error", "message", "detail", "title") if body.get(name))
    return n8n_finds(found) if isinstance(found, dict) else str(found)


def zapier_does(status: int) -> str:
    """Return the kind of error: reconnect, wait, or stop."""
    return {401: "RefreshAuthError", 429: "ThrottledError"}.get(status, "ResponseError")


def zapier_waits_s(status: int, headers: Any) -> int | None:
    """Return after how many seconds a throttled step runs again."""
    return int(headers["retry-after"]) if status == 429 else None


def make_does(status: int) -> str:
    """Return the type of the error, by the table of the app that we export."""
    return {429: "RateLimitError", 503: "ConnectionError", 504: "ConnectionError"}.get(status, "DataError")


def make_shows(status: int, body: Any) -> str:
    """Return the text of the error."""
    return f"[{status}] {body['message']}"


def power_automate_repeats(status: int) -> bool:
    """Tell whether the flow repeats the step by itself."""
    return status in (408, 429) or status >= 500


# ---------------------------------------------------------------- the faults


@dataclass(frozen=True)
class Fault:
    """One way to fail, and what is to be seen of it.

    Attributes:
        name: What happened.
        status: Status on the action door.
        make: Kind of Make's error.
        sdk: Exception of OpenAI's SDK at the wire door.
        says: What every platform has to show: what happened, and what to do.
        is_retryable: Whether the same step may succeed later.
        upstream: Fault of the service that is asked for.
        fields: What the body has besides, or in place of, the usual.
        key: Who asks.
    """

    name: str
    status: int
    make: str
    sdk: type[openai.APIStatusError]
    says: tuple[str, ...]
    is_retryable: bool = False
    upstream: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    key: str = "caller"

    def __str__(self) -> str:
        return self.name


FAULTS = (
    Fault(
        "no valid key", 401, "DataError", openai.AuthenticationError,
        ("no valid API key", "Send the key as"), key="nobody",
    ),
    Fault(
        "the account is out of credit", 402, "DataError", openai.RateLimitError,
        ("quota is used up", "Add credit", "trying again will not help"), upstream="billing",
    ),
    Fault(
        "our budget is used up", 402, "DataError", openai.APIStatusError,
        ("more than the whole budget", "take a cheaper model"), key="poor",
    ),
    Fault(
        "the key may not", 403, "DataError", openai.PermissionDeniedError,
        ("gpt-5.4-mini", "is not among its models"), key="small",
    ),
    Fault(
        "the key lacks the scope", 403, "DataError", openai.PermissionDeniedError,
        ("lacks the scope `actions:run`", "Ask for a key"), key="reader",
    ),
    Fault(
        "no such model", 400, "DataError", openai.NotFoundError,
        ("does not have this model", "`nope`", "openai.list_models"), fields={"model": "nope"},
    ),
    Fault(
        "a retired model", 400, "DataError", openai.NotFoundError,
        ("`gpt-4-32k`", "use `"), fields={"model": "gpt-4-32k"},
    ),
    Fault(
        "a misspelt field", 422, "DataError", openai.BadRequestError,
        ("`temprature`", "did you mean `temperature`?"), fields={"temprature": 1},
    ),
    Fault(
        "our rate limit", 429, "RateLimitError", openai.RateLimitError,
        ("limit", "Wait"), is_retryable=True, key="busy",
    ),
    Fault(
        "the service's rate limit", 429, "RateLimitError", openai.RateLimitError,
        ("OpenAI limits", "Wait as long as"), is_retryable=True, upstream="429",
    ),
    Fault(
        "a request that is too large for the account", 400, "DataError", openai.RateLimitError,
        ("larger than the account's whole limit", "shorter prompt"), upstream="429-too-large",
    ),
    Fault(
        "a plugin that fails", 500, "DataError", openai.InternalServerError,
        ("failed with", "Tell whoever runs this gateway"), key="unlucky",
    ),
    Fault(
        "the service fails", 502, "DataError", openai.InternalServerError,
        ("OpenAI failed", "Try again"), is_retryable=True, upstream="status-500",
    ),
    Fault(
        "the service is overloaded", 502, "DataError", openai.InternalServerError,
        ("overloaded", "Try again"), is_retryable=True, upstream="status-503",
    ),
    Fault(
        "an edge server answers", 502, "DataError", openai.InternalServerError,
        ("not an OpenAI error", "Try again"), is_retryable=True, upstream="html",
    ),
    Fault(
        "our credential is refused", 502, "DataError", openai.InternalServerError,
        ("Your key for this gateway is fine", "must renew"), upstream="status-401",
    ),
    Fault(
        "our store is down", 503, "ConnectionError", openai.InternalServerError,
        ("cannot be read", "ry again"), is_retryable=True, key="lost",
    ),
    Fault(
        "the service takes too long", 504, "ConnectionError", openai.InternalServerError,
        ("did not answer in time", "Try again"), is_retryable=True, upstream="status-504",
    ),
    Fault(
        "the content is blocked", 400, "DataError", openai.BadRequestError,
        ("harmful", "Change the text"), fields={"prompt": "how to kill a process"},
    ),
)  # fmt: skip


class Unlucky:
    """Fails for some callers."""

    @hookimpl
    def hookline_admit(self, call: Call) -> None:
        if call.principal.key_id == "unlucky":
            raise KeyError("boom")
        if call.principal.key_id == "lost":
            raise StoreUnavailableError("The limits cannot be read at the moment.")


@pytest.fixture(scope="module")
def lab() -> Iterator[FormsLab]:
    """A gateway over the sandbox, with a caller for each way to be refused."""
    keys = {
        "poor": {"limits": ["0.0000001 usd / day"]},
        "busy": {"limits": ["1 requests / minute"]},
    }
    principals = [caller(name) for name in ("poor", "busy", "unlucky", "lost")]
    principals += [caller("small", models=("gpt-6*",)), caller("reader", scopes=frozenset({"catalog:read"}))]
    lab = FormsLab(
        principals=principals,
        plugins=[
            ("limits", LimitsPlugin()),
            ("moderation", ModerationPlugin()),
            ("unlucky", Unlucky()),
        ],
        options={"limits": {"keys": keys}, "moderation": {"check_input": True}},
        base_url="http://sandbox.invalid/v1",
    )
    lab.post("/actions/openai.chat", CHAT, key="busy")
    yield lab
    lab.gateway.close()


def fail(lab: FormsLab, fault: Fault) -> Any:
    headers = {"x_sandbox_fault": fault.upstream} if fault.upstream else {}
    return lab.post("/actions/openai.chat", {**CHAT, **fault.fields}, key=fault.key, **headers)


def assert_is_readable(text: str, fault: Fault) -> None:
    """It is made of sentences, says what happened and what to do, and shows nothing of the inside."""
    assert 20 < len(text) < 700, text
    assert re.match(r"[A-Z`]", text), text
    assert text.rstrip()[-1] in ".?!", text
    plain = text.replace("`GET /actions/{id}`", "")
    assert not re.search(r"Traceback|\.py\b|[{}<>]|None\b|Error\(|\\n|\n", plain), text
    assert not re.search(r"\bsk-|Bearer (?!KEY)", text), text
    for words in fault.says:
        assert words in text, (words, text)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_every_platform_shows_what_happened_and_what_to_do(lab: FormsLab, fault: Fault) -> None:
    answer = fail(lab, fault)
    status, body = answer.status_code, answer.json

    assert status == fault.status, body
    title, description = n8n_shows(status, body)
    assert title
    for text in (description, n8n_finds(body), body["error"]["message"]):
        assert_is_readable(text, fault)
    shown = make_shows(status, body)
    assert_is_readable(shown.removeprefix(f"[{status}] "), fault)
    if status == 422:
        assert body["field"] == body["error"]["param"] == "temprature"


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_status_makes_every_platform_do_the_right_thing(lab: FormsLab, fault: Fault) -> None:
    answer = fail(lab, fault)
    status = answer.status_code

    assert make_does(status) == fault.make
    expected = {401: "RefreshAuthError", 429: "ThrottledError"}.get(fault.status, "ResponseError")
    assert zapier_does(status) == expected
    wait_s = zapier_waits_s(status, answer.headers)
    assert wait_s is None or wait_s >= 1
    assert answer.json["retryable"] is fault.is_retryable
    assert (answer.json["retry_after"] is not None) == ("retry-after" in answer.headers)
    if fault.is_retryable:
        assert power_automate_repeats(status), "what may pass is repeated"
    elif status < 500:
        assert not power_automate_repeats(status), "what will not pass is not repeated"


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_official_client_raises_the_right_exception(lab: FormsLab, fault: Fault) -> None:
    client = lab.openai(
        x_api_key=fault.key, **({"x_sandbox_fault": fault.upstream} if fault.upstream else {})
    )
    model = fault.fields.get("model", CHAT["model"])
    messages: Any = (
        [{"role": "user", "content": fault.fields["prompt"]}] if "prompt" in fault.fields else MESSAGES
    )
    extra = {name: value for name, value in fault.fields.items() if name == "temprature"}

    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=messages, extra_body=extra)

    error = caught.value
    assert type(error) is fault.sdk
    assert isinstance(error.body, dict)
    text = str(error.body["message"])
    assert 10 < len(text) < 700
    assert not re.search(r"Traceback|\.py\b|<html", text), text
    assert error.response.headers["x-should-retry"] == str(fault.is_retryable).lower()


def test_the_table_has_each_kind_of_fault() -> None:
    assert {fault.status for fault in FAULTS} == {400, 401, 402, 403, 422, 429, 500, 502, 503, 504}
    assert {fault.make for fault in FAULTS} == {"RateLimitError", "ConnectionError", "DataError"}


def test_an_unknown_action_is_not_found_and_says_where_to_look(lab: FormsLab) -> None:
    answer = lab.post("/actions/openai.chatt", CHAT)

    assert answer.status_code == 404
    assert n8n_shows(404, answer.json)[1].startswith("There is no action 'openai.chatt'. Did you mean")
