"""The plugin keeps the rules for all hook plugins."""

from hookline.testing import HookSuite
from hookline_retry import RetryPlugin


class TestRetryPlugin(HookSuite):
    """What asks for further attempts."""

    plugin = RetryPlugin
