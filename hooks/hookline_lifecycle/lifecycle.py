"""Models and endpoints that go away, for the calls of one gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.attempt import RetryDecision
from hookline.errors import InvalidInputError
from hookline_lifecycle.completion_requests import CHAT_PATH, COMPLETION_PATH, CompletionPlan, plan_chat
from hookline_lifecycle.live_lists import LiveLists
from hookline_lifecycle.marks import mark_endpoint
from hookline_lifecycle.missing_endpoints import MissingEndpoints
from hookline_lifecycle.parameters import fit_parameters
from hookline_lifecycle.retirement import settle_model
from hookline_lifecycle.standing import Outlook, is_own_service
from hookline_openai.model_table import row_of, table_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.attempt import Attempt
    from hookline.call import Call
    from hookline.options import LayeredOptions
    from hookline.upstream import UpstreamRequest
    from hookline_lifecycle.options import LifecycleOptions
    from hookline_openai.model_table import ModelInfo

STATE = "lifecycle"

_COMPLETE, _EDIT = "openai.complete", "openai.edit"
_SERVED_BY = {
    CHAT_PATH: frozenset({"chat"}),
    COMPLETION_PATH: frozenset({"completion", "chat"}),
    "/embeddings": frozenset({"embedding"}),
    "/moderations": frozenset({"moderation"}),
}
_NATIVE_ONLY = frozenset({"completion"})


class Lifecycle:
    """Knows what upstreams said, and serves calls by it.

    Args:
        options: What is set, by key and action.
    """

    def __init__(self, options: LayeredOptions[LifecycleOptions]) -> None:
        self._options = options
        self._lists = LiveLists()
        self._missing = MissingEndpoints()

    def shape(self, call: Call, request: UpstreamRequest) -> None:
        """Make a request one that can be served today.

        Raises:
            HooklineError: If it cannot, or is not to, be changed into one.
        """
        body, path = request.body, request.path
        serves = _SERVED_BY.get(path)
        model = body.get("model") if body is not None else None
        options = self._options.for_call(call)
        if serves is None or body is None or not isinstance(model, str) or not options.enabled:
            return
        connection = call.connection
        asked = info = row_of(connection, model)
        if (info is not None and info.shutdown_on is not None) or connection.id in self._lists.known:
            chosen = self._settle(call, model, serves, options, path=path)
            if chosen != model:
                body, info = {**body, "model": chosen}, row_of(connection, chosen)
        if path == COMPLETION_PATH:
            is_own = is_own_service(connection)
            if self._runs_as_chat(call, str(body["model"]), info, options, is_own=is_own):
                body = self._convert(call, body, info if is_own else None, options)
                request.path = CHAT_PATH
            elif is_own and call.door == "wire":
                mark_endpoint(call, table_of(connection), "/v1/completions", as_chat=False)
        elif call.door == "wire" and call.action.id == _EDIT:
            mark_endpoint(call, table_of(connection), "/v1/edits", as_chat=True)
        is_judged = info is not None and not (info is asked and info.judged_fields.isdisjoint(body))
        if info is not None and is_judged and is_own_service(connection):
            body = fit_parameters(call, body, info, options, asked=None if asked is info else asked)
        request.body = body

    def plan_of(self, call: Call, request: UpstreamRequest) -> CompletionPlan | None:
        """Return how the answer to a request is to be read, if it asks for a completion as a chat."""
        plan = call.state.get(STATE)
        return plan if isinstance(plan, CompletionPlan) and request.path == CHAT_PATH else None

    def decide(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Ask for a completion as a chat when the server turns out not to have any."""
        request = attempt.request
        if call.action.id != _COMPLETE or request.path != COMPLETION_PATH or attempt.has_begun:
            return None
        answer, model = attempt.error.answer, (request.body or {}).get("model")
        if answer is None or answer.status != 404 or attempt.error.code == "model_not_found":
            return None
        options = self._options.for_call(call)
        if not options.enabled or options.legacy_completions != "auto" or not isinstance(model, str):
            return None
        self._missing.remember(call.connection.id, model, now_s=call.clock.monotonic())
        changed = request.copy()
        info = row_of(call.connection, model) if is_own_service(call.connection) else None
        try:
            body = self._convert(call, changed.body or {}, info, options)
            changed.body = body if info is None else fit_parameters(call, body, info, options)
        except InvalidInputError as error:
            return RetryDecision(again=False, error=error)
        changed.path = CHAT_PATH
        return RetryDecision(again=True, request=changed)

    def learn(self, call: Call, answer: object) -> None:
        """Keep what an upstream answered when it was asked for its models."""
        self._lists.learn(call.connection.id, answer, now_s=call.clock.monotonic())

    def _settle(
        self, call: Call, model: str, serves: frozenset[str], options: LifecycleOptions, *, path: str
    ) -> str:
        outlook = Outlook.of(call, self._lists.of(call.connection.id))
        standing = outlook.standing_of(model)
        if standing is None:
            return model
        if path == COMPLETION_PATH and options.legacy_completions == "never":
            serves = _NATIVE_ONLY
        return settle_model(call, model, standing, outlook, options, serves=serves)

    def _runs_as_chat(
        self, call: Call, model: str, info: ModelInfo | None, options: LifecycleOptions, *, is_own: bool
    ) -> bool:
        if options.legacy_completions != "auto":
            return options.legacy_completions == "always"
        if is_own and info is not None:
            return info.kind == "chat"
        return self._missing.knows(call.connection.id, model, now_s=call.clock.monotonic())

    def _convert(
        self, call: Call, body: JsonObject, info: ModelInfo | None, options: LifecycleOptions
    ) -> JsonObject:
        # Elsewhere nothing is made to fit, but what the gateway writes itself has to have the right name.
        known = row_of(call.connection, str(body.get("model"))) if info is None else None
        is_renamed = known and known.reasoning and "max_tokens" in known.reasoning.always_rejected
        chat, call.state[STATE] = plan_chat(
            body,
            info=info,
            instruction=options.completion_instruction,
            limit_name="max_completion_tokens" if is_renamed else "max_tokens",
        )
        mark_endpoint(call, table_of(call.connection), "/v1/completions", as_chat=True)
        return chat
