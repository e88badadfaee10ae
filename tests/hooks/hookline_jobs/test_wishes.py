"""What callers say about waiting."""

from __future__ import annotations

import pytest

from hookline import HooklineError, LayeredOptions, Order, Principal
from hookline.problems import ProblemFormat
from hookline.routes import WireEndpoint
from hookline_jobs.options import JobsOptions
from hookline_jobs.profiles import PROFILES
from hookline_jobs.wishes import Wish, has_wish, read_prefer, read_wish

CALLER = Principal(key_id="flow_1")
WIRE = WireEndpoint(action="acme.say", format=ProblemFormat())


def options(**values: object) -> LayeredOptions[JobsOptions]:
    return LayeredOptions(JobsOptions, values, {}, name="jobs")


def order(prefer: str = "", profile: str | None = None, **more: object) -> Order:
    return Order(
        action_id="acme.say",
        fields={"text": "hi", **more},
        headers={"prefer": prefer} if prefer else {},
        query={} if profile is None else {"profile": profile},
    )


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", (False, None)),
        ("respond-async", (True, None)),
        ("Respond-Async, WAIT=10", (True, 10)),
        ('wait="10"', (False, 10)),
        ("wait = 10", (False, 10)),
        ("wait=10; foo=bar, respond-async;x", (True, 10)),
        ("wait=5, wait=90", (False, 5)),
        ("return=minimal, handling=lenient", (False, None)),
        ("wait", (False, None)),
        ("wait=", (False, None)),
        ("wait=-1", (False, None)),
        ("wait=1.5", (False, None)),
        ("wait=1e9", (False, None)),
        ("wait=99999999999999999999", (False, None)),
        ("wait=\u0661", (False, None)),
        (",,;;=,", (False, None)),
    ],
)
def test_preferences_are_read_and_what_is_unknown_is_ignored(
    text: str, wish: tuple[bool, float | None]
) -> None:
    assert read_prefer(text) == wish


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        (order(), None),
        (order("respond-async"), Wish(wait_s=0, is_async=True, applied=("respond-async",))),
        (
            order("respond-async, wait=7"),
            Wish(wait_s=7, is_async=True, applied=("respond-async", "wait=7")),
        ),
        (order("wait=7"), Wish(wait_s=7, applied=("wait=7",))),
        (order(profile="zapier"), Wish(wait_s=25)),
        (order(profile=" Zapier "), Wish(wait_s=25)),
        (order(profile="power-automate"), Wish(wait_s=110, is_async=True)),
        (order("wait=7", profile="zapier"), Wish(wait_s=7, applied=("wait=7",))),
        (
            order("respond-async", profile="zapier"),
            Wish(wait_s=0, is_async=True, applied=("respond-async",)),
        ),
        (
            order(callback_url=" https://hooks.example/1 "),
            Wish(wait_s=0, is_async=True, callback_url="https://hooks.example/1"),
        ),
        (order(items=[{}] * 101), Wish(wait_s=0, is_async=True)),
        (order("wait=7", items=[{}] * 101), Wish(wait_s=0, is_async=True)),
        (order(items=[{}] * 100), None),
        (order(stream=True), None),
        (order("respond-async", stream="true"), None),
    ],
)
def test_what_is_said_makes_a_wish(said: Order, wish: Wish | None) -> None:
    assert read_wish(said, CALLER, options()) == wish


def test_settings_speak_for_callers_who_say_nothing() -> None:
    assert read_wish(order(), CALLER, options(profile="zapier")) == Wish(wait_s=25)
    assert read_wish(order(), CALLER, options(wait_s=60)) == Wish(wait_s=60)
    assert read_wish(order(profile="n8n"), CALLER, options(profile="zapier")) == Wish(wait_s=280)
    by_key = options(keys={"flow_1": {"profile": "make"}})
    assert read_wish(order(), CALLER, by_key) == Wish(wait_s=40)
    assert read_wish(order(), Principal(key_id="another"), by_key) is None


def test_the_wire_door_has_no_words_for_a_result_that_comes_later() -> None:
    said = Order(
        action_id="acme.say", fields={"callback_url": 1}, headers={"prefer": "respond-async"}, endpoint=WIRE
    )
    assert read_wish(said, CALLER, options()) is None
    limited = Order(action_id="acme.say", fields={}, headers={"prefer": "wait=7"}, endpoint=WIRE)
    assert read_wish(limited, CALLER, options()) == Wish(wait_s=7, applied=("wait=7",))


def test_a_misspelt_profile_is_refused_naming_the_nearest() -> None:
    with pytest.raises(HooklineError) as caught:
        read_wish(order(profile="zappier"), CALLER, options())
    assert (caught.value.status, caught.value.field) == (400, "profile")
    assert caught.value.hint == "Did you mean `zapier`?"


@pytest.mark.parametrize("url", [7, "", "  ", None, ["https://a.example"], {"url": 1}])
def test_a_callback_url_that_is_no_text_is_refused(url: object) -> None:
    if url is None:
        assert read_wish(order(callback_url=url), CALLER, options()) is None
        return
    with pytest.raises(HooklineError) as caught:
        read_wish(order(callback_url=url), CALLER, options())
    assert (caught.value.status, caught.value.field) == (422, "callback_url")


def test_a_stream_cannot_be_posted() -> None:
    with pytest.raises(HooklineError) as caught:
        read_wish(order(callback_url="https://a.example", stream=True), CALLER, options())
    assert (caught.value.status, caught.value.field) == (422, "callback_url")


def test_a_call_without_a_word_about_waiting_is_told_apart_at_once() -> None:
    assert not has_wish(order())
    assert all(
        has_wish(said) for said in (order("x"), order(profile="x"), order(items=1), order(callback_url=1))
    )


def test_every_profile_leaves_time_for_the_way() -> None:
    """The platforms end a step after 30, 30, 30, 45, 120 and 300 seconds; Make's own functions after 40."""
    assert {name: profile.wait_s for name, profile in PROFILES.items()} == {
        "zapier": 25,
        "pipedream": 25,
        "activepieces": 25,
        "gpt-actions": 40,
        "make": 40,
        "make-long": 280,
        "power-automate": 110,
        "n8n": 280,
    }
    assert [name for name, profile in PROFILES.items() if profile.polls] == ["power-automate"]
