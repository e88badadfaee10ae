"""The conformance suite of connectors."""

from __future__ import annotations

from hookline.testing.describing_checks import DescribingChecks
from hookline.testing.refusal_checks import RefusalChecks
from hookline.testing.running_checks import RunningChecks
from hookline.testing.safety_checks import SafetyChecks


class ConnectorSuite(DescribingChecks, RunningChecks, RefusalChecks, SafetyChecks):
    """Everything that a connector must do.

    Inherit from it, and name your connector::

        class TestAcme(ConnectorSuite):
            connector = hookline_acme.connector

    Nothing leaves the machine. A check that cannot hold for your service is switched off by its name, with
    the reason as a comment: ``test_an_unknown_field_is_refused_by_name = None``.

    Attributes:
        connector: The connector.
        plugin: Plugin that has it, if that has hooks too; by default the installed one of its name.
        inputs: Input by action, where samples and schema do not give one that fits. Keys are ids or verbs.
        answers: The service's JSON by action, where an action does not hand it on as it is; or a
            `ScriptedAnswer`.
        streams: The events of the service's stream, by action.
        sandbox: Whether the built-in simulated service plays the service.
        settings: Settings of the gateway, as in its file.
        environ: Environment variables of the gateway.
        refusals: Statuses that callers may get, by the name of a refusal such as ``409`` or ``garbage``.
    """
