"""Chat answers in capital letters, and nothing else."""

import hookline_shout
import pytest

from hookline.testing import HookSuite


@pytest.mark.hookline(plugins=[hookline_shout])
def test_chat_answers_are_loud(sandbox, call):
    assert call("openai.chat", model="sandbox", prompt="hello").text == "SIMULATED ANSWER TO: HELLO"


class TestShout(HookSuite):
    """Everything that a hook plugin must do."""

    plugin = hookline_shout
    applies_to = ("openai.chat",)
