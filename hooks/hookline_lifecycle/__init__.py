"""Models and endpoints that go away: told about in time, refused clearly, or replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    import click

    from hookline import Call, HooklineError, Response, UpstreamRequest, UpstreamResponse
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.settings import LimitSettings
    from hookline_lifecycle.lifecycle import Lifecycle


class LifecyclePlugin:
    """Watches over the connector ``openai`` of one gateway."""

    options = "hookline_lifecycle.options:LifecycleOptions"

    def __init__(self) -> None:
        self._lifecycle: Lifecycle | None = None
        self._limits: LimitSettings | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_lifecycle.lifecycle import Lifecycle
        from hookline_lifecycle.options import LifecycleOptions

        self._lifecycle = Lifecycle(gateway.options_of(LifecycleOptions))
        self._limits = gateway.settings.limits

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline models``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "models",
                "hookline_lifecycle.commands:models",
                short_help="Show which OpenAI models end when, and what takes their place.",
            )
        )

    @hookimpl(tryfirst=True)
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        """Replace what is gone, say what is going, and leave out what the model does not take."""
        if self._lifecycle is not None and call.action.connector.id == "openai":
            self._lifecycle.shape(call, request)

    @hookimpl(wrapper=True, tryfirst=True)
    def hookline_execute(
        self, call: Call, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        """Give the answer of a completion that ran as a chat the shape of a completion."""
        response = yield
        if "lifecycle" not in call.state or self._lifecycle is None or self._limits is None:
            return response
        plan = self._lifecycle.plan_of(call, request)
        if plan is None:
            return response
        from hookline_lifecycle.completion_streams import rewrite_answer

        return rewrite_answer(call, response, plan, self._limits)

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Ask for a completion as a chat when the server turns out to have no completions."""
        return None if self._lifecycle is None else self._lifecycle.decide(call, attempt)

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Learn from a list of models that somebody asked for."""
        if call.action.id == "openai.list_models" and self._lifecycle is not None:
            self._lifecycle.learn(call, response.raw)

    @hookimpl(wrapper=True)
    def hookline_map_error(self, call: Call) -> Generator[None, HooklineError | None, HooklineError | None]:
        """Name the caller's own field where the upstream refused what was written from it."""
        mapped = yield
        if mapped is not None and mapped.field is not None and call.action.connector.id == "openai":
            from hookline_lifecycle.fields import name_the_caller_s_field

            name_the_caller_s_field(call, mapped)
        return mapped
