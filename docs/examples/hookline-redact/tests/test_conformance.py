"""What every hook plugin has to do."""

from __future__ import annotations

from typing import ClassVar

from hookline_redact import RedactPlugin

from hookline.testing import HookSuite


class TestConformance(HookSuite):
    plugin = RedactPlugin
    applies_to = ("openai.*",)
    inputs: ClassVar = {
        "openai.chat": {"model": "sandbox", "prompt": "Write to ada@example.com."},
        "openai.complete": {"model": "sandbox", "prompt": "Write to ada@example.com."},
    }
