"""A call whose result is posted: through a real server, as a job, to a receiver that checks the signature."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook

from callbacks_lab import receiving
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from live_gateway import KEY, Server, run_server
from scripted_server import answer

CHAT = {"model": "sandbox", "prompt": "Hello"}
BOUND_S = 30.0


class Place:
    """A running gateway, and commands on its database."""

    def __init__(self, server: Server, environ: dict[str, str]) -> None:
        self.server = server
        self._environ = environ

    def run(self, body: dict[str, object], **headers: str) -> httpx.Response:
        named = {"authorization": f"Bearer {KEY}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        url = f"{self.server.url}/actions/openai.chat"
        return httpx.post(url, json={**CHAT, **body}, headers=named, timeout=30)

    def get(self, path: str) -> Any:
        found = httpx.get(self.server.url + path, headers={"authorization": f"Bearer {KEY}"}, timeout=30)
        return found.json()

    def command(self, *arguments: str) -> Any:
        context = CommandContext(environ=dict(self._environ))
        done = CliRunner().invoke(build_cli(), [*arguments, "--json"], obj=context)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("callbacks")
    environ = {
        "HOOKLINE_STATE_DIR": str(folder / "state"),
        "HOOKLINE_SANDBOX": "true",
        "HOOKLINE_CALLBACKS_ALLOW_LOOPBACK": "true",
    }
    with run_server(folder, **environ) as server:
        yield Place(server, environ)


def _eventually(is_so: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + BOUND_S
    while time.monotonic() < ends_at:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def test_the_result_of_a_call_is_posted_and_is_what_the_job_answers(place: Place) -> None:
    with receiving() as receiver:
        accepted = place.run({"callback_url": receiver.url("/resume?token=1")})
        assert accepted.status_code == 202
        assert receiver.wait_for(1)
    [letter] = receiver.letters
    job = httpx.URL(accepted.headers["location"]).path
    secrets = place.command("callbacks", "secret", "show", "--tenant", "default", "--reveal")["secrets"]

    assert letter.path == "/resume?token=1"
    assert json.loads(letter.content) == place.get(job)
    assert Webhook(secrets[0]["secret"]).verify(letter.content, letter.headers)
    assert f"/jobs/{letter.headers['x-hookline-job']}" == job

    def is_delivered() -> bool:
        [told] = place.get(f"/deliveries?job={letter.headers['x-hookline-job']}")["deliveries"]
        return (told["id"], told["state"]) == (letter.id, "delivered")

    assert _eventually(is_delivered)


def test_the_header_and_the_form_of_an_event(place: Place) -> None:
    with receiving() as receiver:
        accepted = place.run(
            {"callback_format": "event"}, x_hookline_callback_url=receiver.url(), prefer="respond-async"
        )
        assert accepted.status_code == 202
        assert receiver.wait_for(1)

    event = json.loads(receiver.letters[0].content)
    assert event["type"] == "job.done"
    assert event["data"]["output"]["text"]


def test_an_error_is_posted_too(place: Place) -> None:
    with receiving() as receiver:
        assert place.run({"callback_url": receiver.url()}, x_sandbox_fault="billing").status_code == 202
        assert receiver.wait_for(1)

    [letter] = receiver.letters
    assert letter.headers["x-hookline-status"] == "402"
    assert json.loads(letter.content)["error"]["code"] == "insufficient_quota"


def test_a_command_makes_the_server_post_again(place: Place) -> None:
    with receiving(answer(b"", "410 Gone"), answer()) as receiver:
        place.run({"callback_url": receiver.url()})
        assert receiver.wait_for(1)
        id = receiver.letters[0].id
        assert _eventually(lambda: place.command("callbacks", "show", id)["state"] == "stopped")
        place.command("callbacks", "redeliver", id)
        assert receiver.wait_for(2)

    assert receiver.letters[1].id == id


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://metadata.google.internal/", "file:///etc/passwd"]
)
def test_s3_a_hostile_address_is_refused_at_once(place: Place, url: str) -> None:
    """S3."""
    refused = place.run({"callback_url": url})
    assert (refused.status_code, refused.json()["field"]) == (422, "callback_url")


def test_a_field_that_a_form_left_empty_changes_nothing(place: Place) -> None:
    assert place.run({"callback_url": "", "callback_format": ""}).status_code == 200


def test_no_address_of_a_receiver_is_in_the_log_or_the_files(place: Place) -> None:
    with receiving(answer(b"", "500 Broken")) as receiver:
        place.run({"callback_url": receiver.url("/resume?token=canary-of-an-address")})
        assert receiver.wait_for(1)
    assert b"canary-of-an-address" not in place.server.log.read_bytes()
    for file in place.server.log.parent.rglob("*"):
        if file.is_file():
            assert b"canary-of-an-address" not in file.read_bytes(), file
