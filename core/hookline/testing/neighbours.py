"""Answers of other services, for actions that are code and run actions of other connectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hookline.hookspecs import hookimpl
from hookline.upstream import UpstreamResponse

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.gateway import Gateway


class Neighbours:
    """A plugin that answers calls of other connectors' actions which an action under test runs.

    Each gets the output of its richest sample, so that nobody has to write down what another service answers.

    Args:
        connector: Id of the connector under test, whose own requests go to the scripted service.
        answers: JSON that a service answers instead, by the action's id.
    """

    def __init__(self, connector: str, answers: Mapping[str, object]) -> None:
        self._connector = connector
        self._answers = answers
        self._gateway: Gateway

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Keep the gateway, whose catalog has the samples."""
        self._gateway = gateway

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> UpstreamResponse | None:
        """Answer in place of a service that is not the one under test."""
        action = call.action
        if call.parent is None or action.connector.id == self._connector or action.code is not None:
            return None
        if action.id in self._answers:
            return UpstreamResponse.of_json(self._answers[action.id])
        from hookline.engine.samples import sample_of

        return UpstreamResponse.of_output(sample_of(self._gateway.catalog.entry(action.id)))
