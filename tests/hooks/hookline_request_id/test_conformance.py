"""The plugin keeps the rules for all hook plugins."""

import hookline_request_id
from hookline.testing import HookSuite


class TestRequestId(HookSuite):
    """What tells every service the id of its call."""

    plugin = hookline_request_id
    applies_to = ("*",)
