"""Running rows on a gateway in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline import hookimpl
from hookline.call import Cancellation, new_call_id
from hookline.cli.messages import CommandError
from hookline.errors import HooklineError, NotFoundError
from hookline.order import Order
from hookline.principal import Principal
from hookline_bulk.replies import is_ours, read_problem, wait_in
from hookline_bulk.runners import CUT_SHORT, RowEstimate, RowReply
from hookline_bulk.usages import Usages, UsageSum

if TYPE_CHECKING:
    from hookline import Call
    from hookline.action import JsonObject
    from hookline.cli.context import CommandContext
    from hookline.gateway import Gateway
    from hookline.plugins import PluginHost
    from hookline.settings import Settings
    from hookline.usage import Usage

_PRINCIPAL = Principal(key_id="cli", scopes=frozenset({"actions:run"}), label="command line")


class _Watch:
    """A plugin of this command: hears what every call took."""

    def __init__(self) -> None:
        self.usages = Usages()

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Note what the call of a row took."""
        self.usages.note(call, usage)


class LocalRunner:
    """Runs rows through the steps of a gateway, as over HTTP but for who calls.

    Args:
        gateway: The gateway.
        action_id: What is run.
        usages: Know what calls took.

    Raises:
        CommandError: If there is no such action.
    """

    def __init__(self, gateway: Gateway, action_id: str, usages: Usages) -> None:
        try:
            action = gateway.catalog.find(action_id)
        except NotFoundError as exc:
            raise CommandError(exc.message, hint="`hookline actions list` shows all actions.") from exc
        self.is_repeatable = action.is_idempotent
        self._gateway = gateway
        self._action_id = action_id
        self._usages = usages
        self._cancellation = Cancellation()

    def run(self, fields: JsonObject, *, key: str) -> RowReply:
        """Run a row."""
        call_id = new_call_id()
        self._usages.watch(call_id)
        reply = self._gateway.runner.run(_PRINCIPAL, self._order(fields, call_id))
        taken = UsageSum()
        taken.add(self._usages.take(call_id).usages)
        content = reply.content
        if not isinstance(content, bytes):  # rows are never asked for as streams
            raise TypeError("a row was answered with a stream")
        is_success = 200 <= reply.status < 300
        if not is_success:
            problem = read_problem(content)
            if reply.status == 429 and is_ours(problem):
                return RowReply(status=reply.status, content=content, wait_s=wait_in(reply.headers, problem))
            if self._cancellation.is_cancelled:
                return RowReply(status=CUT_SHORT)
        total = taken.total
        return RowReply(
            status=reply.status,
            content=content,
            usage=taken.as_json(),
            cost_nano_usd=None
            if not taken.is_complete or (total is None and is_success)
            else 0
            if total is None
            else total.cost_nano_usd,
        )

    def estimate(self, fields: JsonObject) -> RowEstimate:
        """Return the most that a row can take."""
        try:
            draft = self._gateway.pipeline.check(_PRINCIPAL, self._order(fields, new_call_id()))
        except HooklineError as exc:
            return RowEstimate(refusal=exc.message, cost_nano_usd=0)
        usage = draft.estimate()
        return RowEstimate(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_nano_usd=usage.cost_nano_usd,
        )

    def cancel(self) -> None:
        """End what runs."""
        self._cancellation.cancel()

    def close(self) -> None:
        """Nothing is held; whoever made the gateway closes it."""

    def _order(self, fields: JsonObject, call_id: str) -> Order:
        # Detached: its rows are kept by this command, so nobody else is to keep them or to cut them short.
        return Order(
            action_id=self._action_id,
            fields={**fields, "stream": False} if fields.get("stream") else fields,  # a row is kept whole
            call_id=call_id,
            is_detached=True,
            cancellation=self._cancellation,
        )


@contextmanager
def open_local(context: CommandContext, action_id: str, *, sandbox: bool) -> Iterator[LocalRunner]:
    """Make a gateway for the time that rows run.

    Raises:
        CommandError: If there is no such action.
        ConfigurationError: If a setting or a plugin that is needed is wrong.
    """
    watch = _Watch()

    def make_host(settings: Settings) -> PluginHost:
        from hookline.gateway import load_plugins

        host = context.make_host(settings) if context.make_host else load_plugins(settings)
        host.register(watch, name="batch")
        return host

    with replace(context, make_host=make_host).open_gateway(sandbox=sandbox) as gateway:
        yield LocalRunner(gateway, action_id, watch.usages)
