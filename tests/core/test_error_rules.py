"""What a service's refusals mean when its connector declares that."""

from __future__ import annotations

from typing import Any

import pytest

from declared_lab import Run, fields, go
from fake_clock import FakeClock
from hookline import Call, ErrorRule, HooklineError, InPlace, hookimpl
from hookline.error_rules import KINDS
from hookline.errors import ConfigurationError, ContentBlockedError
from hookline.order import Order
from hookline_retry import RetryPlugin
from small_service import CALLER, Acme, Upstream, make_gateway, whole


def refused(
    body: Any, *rules: ErrorRule, status: int = 400, plugins: tuple[object, ...] = (), **declared: Any
) -> Run:
    declared.setdefault("input", fields())
    return go(
        {},
        *plugins,
        answer=lambda request: whole(body, status=status),
        errors=rules,
        method="GET",
        **declared,
    )


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rejected", 400, "request_rejected"),
        ("not_found", 404, "not_found_upstream"),
        ("invalid", 422, "invalid_input"),
        ("credential", 502, "upstream_credential_rejected"),
        ("forbidden", 502, "upstream_forbidden"),
        ("quota", 402, "insufficient_quota"),
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("unavailable", 502, "upstream_unavailable"),
        ("timeout", 504, "upstream_timeout"),
        ("blocked", 400, "content_blocked"),
    ],
)
def test_each_kind_is_one_error_for_callers(kind: Any, status: int, code: str) -> None:
    run = refused({"why": "x"}, ErrorRule(kind=kind), status=418)

    assert (run.status, run.json["error"]["code"]) == (status, code)
    assert run.json["upstream"]["status"] == 418


def test_each_kind_was_tried() -> None:
    assert len(KINDS) == 10


def test_the_first_rule_that_fits_counts_and_the_action_s_come_first() -> None:
    rules = [
        ErrorRule(kind="quota", statuses=(402,)),
        ErrorRule(kind="blocked", when="error.code == 'unsafe'"),
        ErrorRule(kind="not_found", statuses=(400,), when="error.code == 'gone'"),
    ]

    def code_of(error: str, status: int = 400) -> str:
        run = refused(
            {"error": {"code": error}},
            *rules,
            status=status,
            connector_errors=[ErrorRule(kind="forbidden", statuses=(400,), code="no_entry")],
        )
        return str(run.json["error"]["code"])

    assert code_of("unsafe") == "content_blocked"
    assert code_of("gone") == "not_found_upstream"
    assert code_of("other") == "no_entry"
    assert code_of("gone", status=409) == "request_rejected"


def test_without_a_rule_that_fits_the_status_decides() -> None:
    run = refused({}, ErrorRule(kind="quota", statuses=(402,)), status=503)

    assert (run.status, run.json["error"]["code"]) == (502, "upstream_unavailable")


def test_what_the_service_says_is_shown_on_one_line_and_not_endless() -> None:
    rule = ErrorRule(kind="rejected", message="error.text", hint="Do it.", code="card_declined")
    text = "No\r\nsuch\x00 card\u202e " + "x" * 900

    run = refused({"error": {"text": text}}, rule)

    assert run.json["detail"].startswith("No such card xxx")
    assert len(run.json["detail"]) == 500
    assert (run.json["hint"], run.json["error"]["code"]) == ("Do it.", "card_declined")


@pytest.mark.parametrize("found", [None, 7, "", " \n", {"a": 1}, ["x"]])
def test_a_message_that_is_no_text_is_replaced(found: Any) -> None:
    run = refused({"text": found}, ErrorRule(kind="rejected", message="text"))

    assert run.json["detail"] == "The service refused the request (400)."


def test_what_a_service_says_of_a_credential_is_not_shown() -> None:
    rule = ErrorRule(kind="credential", message="text")

    run = refused({"text": "Key canary-123456 is wrong"}, rule, status=400)

    assert b"canary" not in run.content


def test_a_field_is_named_as_the_input_names_it() -> None:
    run = refused(
        {"fault": {"field": "recipient"}},
        ErrorRule(kind="invalid", field="fault.field"),
        input=fields("to"),
        places={"to": InPlace(where="query", name="recipient")},
    )

    assert (run.status, run.json["field"]) == (422, "to")


def test_a_rule_that_cannot_be_applied_does_not_fit() -> None:
    run = refused("<html>", ErrorRule(kind="quota", when="contains(error, 'x')"), status=503)

    assert run.status == 502


# ---------------------------------------------------------------- errors with status 200

SLOW = ErrorRule(
    kind="rate_limited", statuses=(200,), when="ok == `false`", message="error", retry_after_s="wait"
)


def test_an_answer_with_status_200_can_be_an_error() -> None:
    bad = refused({"ok": False, "error": "ratelimited", "wait": 7}, SLOW, status=200)
    good = refused({"ok": True}, SLOW, status=200)

    assert (bad.status, bad.json["detail"], bad.json["retry_after"]) == (429, "ratelimited", 7)
    assert (good.status, good.json) == (200, {"ok": True})


@pytest.mark.parametrize(
    ("wait", "told"), [("12", 12), (6.2, 7), (-5, 1), ("soon", 1), (1e9, 1), (None, 1), ("nan", 1)]
)
def test_a_wait_that_makes_no_sense_is_the_shortest(wait: Any, told: int) -> None:
    run = refused({"ok": False, "wait": wait}, SLOW, status=200)

    assert run.json.get("retry_after") == told


def test_a_retryable_kind_is_tried_again_after_the_wait_that_the_service_asks_for() -> None:
    from declared_lab import declare

    clock, answers = FakeClock(), [{"ok": False, "wait": 3}, {"ok": True, "n": 1}]
    upstream = Upstream(lambda request: whole(answers.pop(0)))
    service = Acme(declare(method="POST", input=fields(), errors=[SLOW]))
    gateway = make_gateway(RetryPlugin(random=lambda: 0.0), upstream=upstream, service=service, clock=clock)

    reply = gateway.runner.run(CALLER, Order(action_id="crm.go", fields={}))

    assert (reply.status, len(upstream.sent), clock.waits) == (200, 2, [3.0])
    gateway.close()


@pytest.mark.parametrize(("kind", "sent"), [("unavailable", 3), ("rejected", 1), ("quota", 1)])
def test_only_what_may_pass_is_tried_again(kind: Any, sent: int) -> None:
    from declared_lab import declare

    upstream = Upstream(lambda request: whole({}, status=400))
    service = Acme(declare(method="POST", input=fields(), errors=[ErrorRule(kind=kind, statuses=(400,))]))
    gateway = make_gateway(
        RetryPlugin(random=lambda: 0.0), upstream=upstream, service=service, clock=FakeClock()
    )

    gateway.runner.run(CALLER, Order(action_id="crm.go", fields={}))

    assert len(upstream.sent) == sent
    gateway.close()


# ---------------------------------------------------------------- with plugins


class Maps:
    """Sees what rules made of an error, and may say something else."""

    def __init__(self, other: HooklineError | None = None) -> None:
        self.seen: list[HooklineError] = []
        self.other = other

    @hookimpl
    def hookline_map_error(self, call: Call, error: HooklineError) -> HooklineError | None:
        self.seen.append(error)
        return self.other


def test_plugins_see_what_the_rules_made_of_it_and_have_the_last_word() -> None:
    watching, changing = Maps(), Maps(ContentBlockedError("No."))
    rule = ErrorRule(kind="quota")

    assert refused({}, rule, plugins=(watching,)).status == 402
    assert refused({}, rule, plugins=(changing,)).status == 400
    assert [type(error).__name__ for error in watching.seen + changing.seen] == ["QuotaExhaustedError"] * 2


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"kind": "odd"}, "the kind 'odd' is none of rejected"),
        ({"kind": "quota", "statuses": (20,)}, "20 is no status of an answer"),
        ({"kind": "quota", "statuses": (200,)}, "say with `when`"),
        ({"kind": "quota", "when": "a["}, "'a[' is not JMESPath"),
        ({"kind": "quota", "message": "a b"}, r"errors\[0\]`.message: 'a b' is not JMESPath"),
        ({"kind": "quota", "code": "Not OK"}, "the code 'Not OK' must be like"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_its_number(rule: Any, problem: str) -> None:
    import re

    pattern = problem if problem.startswith("errors") or "\\" in problem else re.escape(problem)
    with pytest.raises(ConfigurationError, match=pattern) as caught:
        refused({}, ErrorRule(**rule))
    assert caught.value.message.startswith("crm.go: `errors[0]`")
