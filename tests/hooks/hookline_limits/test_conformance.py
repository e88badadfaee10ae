"""The plugin keeps the rules for all hook plugins."""

from hookline.testing import HookSuite
from hookline_limits import LimitsPlugin


class TestLimitsPlugin(HookSuite):
    """What sets aside and settles."""

    plugin = LimitsPlugin
