"""What the demonstration reads before it starts."""

from __future__ import annotations

from typing import cast

from hookline.cli.demo_client import DemoClient, Received
from hookline.cli.demo_steps import Step, read_catalog


class Answers:
    """Answers as a gateway whose second action cannot be described."""

    def __init__(self, status: int = 200) -> None:
        self.status = status

    def get(self, path: str) -> Received:
        listed: dict[str, object] = {
            "actions": [{"href": "/actions/acme.good"}, {"href": "/actions/acme.bad"}]
        }
        answers = {
            "/actions": Received(status=self.status, body=listed, elapsed_ms=1.0),
            "/actions/acme.good": Received(status=200, body={"id": "acme.good"}, elapsed_ms=1.0),
            "/actions/acme.bad": Received(status=500, body={"detail": "It broke."}, elapsed_ms=2.0),
        }
        return answers[path]


def read(answers: Answers) -> tuple[list[dict[str, object]], list[Step]]:
    return read_catalog(cast("DemoClient", answers))


def test_an_action_that_cannot_be_described_is_a_failed_step() -> None:
    assert read(Answers()) == (
        [{"id": "acme.good"}],
        [
            Step(
                name="GET /actions/acme.bad",
                status=500,
                elapsed_ms=2.0,
                summary="It broke.",
                problem="answered 500 instead of 200 with a description: It broke.",
            )
        ],
    )


def test_a_list_that_cannot_be_read_is_a_failed_step() -> None:
    actions, failed = read(Answers(status=503))

    assert actions == []
    assert [(step.name, step.status) for step in failed] == [("GET /actions", 503)]
