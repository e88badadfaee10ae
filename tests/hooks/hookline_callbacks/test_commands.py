"""``hookline callbacks``: what an operator sees and does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from callbacks_lab import make_lab, receiving
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from scripted_server import answer

if TYPE_CHECKING:
    from pathlib import Path

    from hookline_callbacks.deliveries import Delivery


class Shell:
    """Commands on the database of a gateway."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"HOOKLINE_STATE_DIR": str(folder), "HOOKLINE_CALLBACKS_ALLOW_LOOPBACK": "true"}

    def run(self, *arguments: str) -> Result:
        context = CommandContext(environ=dict(self.environ))
        return CliRunner().invoke(build_cli(), ["callbacks", *arguments], obj=context)

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def stopped(tmp_path: Path) -> Delivery:
    with receiving(answer(b"", "410 Gone")) as receiver:
        lab = make_lab(tmp_path)
        lab.take(receiver.url())
        lab.carry()
        found = lab.find()
        lab.gateway.close()
    return found


def test_deliveries_are_listed(shell: Shell, stopped: Delivery) -> None:
    done = shell.run("list")

    assert done.exit_code == 0
    for text in (stopped.id, "acme", "stopped", stopped.receiver, "it answered 410"):
        assert text in " ".join(done.stdout.split())
    assert "token" not in done.stdout
    assert [one["id"] for one in shell.json("list", "--state", "stopped")["deliveries"]] == [stopped.id]
    for other in (("--state", "failed"), ("--tenant", "rome"), ("--job", "job_x")):
        assert shell.json("list", *other) == {"deliveries": []}


def test_with_nothing_there_it_says_so(shell: Shell) -> None:
    done = shell.run("list")
    assert done.exit_code == 0
    assert "No such delivery" in done.stdout


def test_a_delivery_is_shown_with_its_attempts(shell: Shell, stopped: Delivery) -> None:
    done = shell.run("show", stopped.id)

    assert done.exit_code == 0
    for text in (stopped.job_id, "stopped", stopped.receiver, "410", "it wants no more of this"):
        assert text in done.stdout
    assert shell.json("show", stopped.id)["attempts"][0]["status"] == 410


@pytest.mark.parametrize("command", ["show", "redeliver"])
def test_one_that_is_not_there_is_a_failure(shell: Shell, command: str) -> None:
    done = shell.run(command, "msg_0")
    assert done.exit_code == 1
    assert "There is no delivery 'msg_0'" in done.output


def test_a_delivery_is_made_due_and_left_to_a_gateway_that_serves(
    shell: Shell, stopped: Delivery, tmp_path: Path
) -> None:
    done = shell.run("redeliver", stopped.id)

    assert done.exit_code == 0
    assert f"{stopped.id} is due now" in done.stdout
    assert shell.json("show", stopped.id)["state"] == "waiting"
    assert shell.json("redeliver", stopped.id)["state"] == "waiting"
    lab = make_lab(tmp_path)
    assert len(lab.gateway.audit.entries(action="callback.redeliver")) == 2
    lab.gateway.close()


def test_secrets_are_shown_renewed_and_hidden(shell: Shell) -> None:
    assert "has no secret yet" in shell.run("secret", "show", "--tenant", "acme").stdout
    [first] = shell.json("secret", "show", "--tenant", "acme", "--reveal")["secrets"]
    second = shell.json("secret", "rotate", "--tenant", "acme", "--grace", "60")
    shown = shell.json("secret", "show", "--tenant", "acme", "--reveal")["secrets"]
    plain = shell.run("secret", "show", "--tenant", "acme")

    assert [one["secret"] for one in shown] == [second["secret"], first["secret"]]
    assert "whsec_" not in plain.stdout
    assert "signs until" in plain.stdout
    assert second["secret"] in shell.run("secret", "show", "--tenant", "acme", "--reveal").stdout
    assert "whsec_" in shell.run("secret", "rotate", "--tenant", "acme").stdout


def test_a_tenant_must_be_named(shell: Shell) -> None:
    assert shell.run("secret", "show").exit_code == 2
    assert shell.run("secret", "rotate").exit_code == 2
