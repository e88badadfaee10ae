"""The plugin keeps the rules for all hook plugins."""

from hookline.testing import HookSuite
from hookline_moderation import ModerationPlugin


class TestModerationPlugin(HookSuite):
    """What looks at content, and is off unless it is configured."""

    plugin = ModerationPlugin
