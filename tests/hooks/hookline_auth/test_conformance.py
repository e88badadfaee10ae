"""The plugin keeps the rules for all hook plugins."""

from hookline.testing import HookSuite
from hookline_auth import AuthPlugin


class TestAuthPlugin(HookSuite):
    """What decides who calls."""

    plugin = AuthPlugin
    applies_to = ("*",)  # without it nobody may call anything
