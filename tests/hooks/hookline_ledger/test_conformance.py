"""The plugin keeps the rules for all hook plugins."""

from hookline.testing import HookSuite
from hookline_ledger import LedgerPlugin


class TestLedgerPlugin(HookSuite):
    """What only watches."""

    plugin = LedgerPlugin
