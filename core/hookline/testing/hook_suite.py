"""The conformance suite of hook plugins."""

from __future__ import annotations

from hookline.testing.hook_containment_checks import HookContainmentChecks
from hookline.testing.hook_form_checks import HookFormChecks
from hookline.testing.hook_traffic_checks import HookTrafficChecks


class HookSuite(HookFormChecks, HookTrafficChecks, HookContainmentChecks):
    """Everything that a hook plugin must do.

    Inherit from it, and name your plugin::

        class TestRedact(HookSuite):
            plugin = hookline_redact
            applies_to = ("openai.*",)

    Nothing leaves the machine. A check that cannot hold for your plugin is switched off by its name, with the
    reason as a comment: ``test_other_calls_are_left_alone = None``.

    Attributes:
        plugin: The module of hooks, the class, or an instance.
        applies_to: Patterns of the actions that it is for, such as ``openai.*``; ``*`` for all.
        inputs: Input by action id, where the plugin needs a certain one to do its work.
        dependencies: What it depends on and what may be down, such as ``hookline_redact.vault:Vault.read``;
            each is made to fail. Without any, each of its hooks is.
        settings: Settings of the gateway, as in its file.
        environ: Environment variables of the gateway.
    """
