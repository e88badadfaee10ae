"""Keys and jobs: whoever asks again meets the same job, and no second one is begun."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import orjson

from hookline import hookimpl
from hookline_jobs import JobsPlugin
from jobs_lab import SOON_S, in_memory
from replay_lab import ReplayLab, body_of, code_of, header, is_replayed
from scripted_server import eventually
from small_service import whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse


class Slow:
    """A service that answers when it is let."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, request: UpstreamRequest) -> UpstreamResponse:
        assert self.opened.wait(SOON_S)
        return whole({"text": "late"})


def make(slow: Slow) -> ReplayLab:
    return ReplayLab(slow, plugins={"jobs": JobsPlugin(in_memory, pace=0.001)})


def test_a_job_is_given_again_as_the_same_job() -> None:
    slow = Slow()
    lab = make(slow)
    first = lab.ask(headers={"prefer": "respond-async"})
    second = lab.ask(headers={"prefer": "respond-async"})

    assert (first.status, second.status, is_replayed(second)) == (202, 202, True)
    assert header(second, "location") == header(first, "location") is not None
    slow.opened.set()
    eventually(lambda: lab.sent == 1)
    lab.close()
    assert lab.sent == 1


def test_a_call_that_goes_on_after_its_caller_gave_up_is_not_begun_again() -> None:
    """The 504 names the job, and is the answer for as long as the key holds."""
    slow = Slow()
    lab = make(slow)
    first = lab.ask(query={"profile": "zapier"})
    second = lab.ask(query={"profile": "zapier"})
    slow.opened.set()

    assert (first.status, code_of(first), is_replayed(second)) == (504, "deadline_passed", True)
    assert first.content == second.content
    assert body_of(second)["job"]["id"].startswith("job_")
    lab.close()
    assert lab.sent == 1


def test_a_call_that_was_not_sent_yet_when_its_caller_gave_up_is_not_begun_again_either() -> None:
    """Such as one that waits for its turn, where nobody but a setting says how long its caller waits."""
    slow = Slow()

    class Queue:
        @hookimpl
        def hookline_shape_request(self) -> None:
            assert slow.opened.wait(SOON_S)

    plugins = {"queue": Queue(), "jobs": JobsPlugin(in_memory, pace=0.001)}
    lab = ReplayLab(slow, plugins=plugins, settings={"plugins": {"jobs": {"wait_s": 20}}})
    first, second = lab.ask(), lab.ask()
    slow.opened.set()

    assert (first.status, second.status, is_replayed(second)) == (504, 504, True)
    lab.close()
    assert lab.sent == 1


def test_a_request_that_no_job_is_made_of_does_not_use_up_its_key() -> None:
    slow = Slow()
    slow.opened.set()
    lab = make(slow)
    headers = {"prefer": "respond-async"}

    assert lab.ask(text="hi", times=0, headers=headers).status == 422
    assert lab.ask(text="hi", headers=headers).status == 202
    lab.close()


def test_an_answer_that_came_in_time_is_kept_as_such() -> None:
    slow = Slow()
    slow.opened.set()
    lab = ReplayLab(slow, plugins={"jobs": JobsPlugin(in_memory)})
    headers = {"prefer": "wait=10"}
    first, second = lab.ask(headers=headers), lab.ask(headers=headers)

    assert (first.status, is_replayed(second), lab.sent) == (200, True, 1)
    assert header(second, "preference-applied") == "wait=10"
    assert isinstance(second.content, bytes)
    assert orjson.loads(second.content)["text"] == "late"
    lab.close()
