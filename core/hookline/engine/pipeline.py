"""The story of one call, from who asked to what they get.

`Pipeline.prepare` is quick and local: here a call may be refused for what its caller sent.
`Pipeline.perform` talks to the upstream. Each step has one hook; `hookline.hookspecs` lists them in order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, NoReturn, TypeGuard, TypeVar

import orjson

from hookline.attempt import Attempt, RetryDecision
from hookline.call import FLOW_HEADER, Call, Cancellation, make_call
from hookline.clock import SYSTEM_CLOCK
from hookline.connection import Connection
from hookline.credential import QueryCredential
from hookline.engine.accounts import Accounts, code_connection
from hookline.engine.answers import AnswerMaker, UnwritableChangeError
from hookline.engine.attempts import Attempts
from hookline.engine.body_watch import BodyWatch
from hookline.engine.error_judging import judge
from hookline.engine.order import Answer, DraftCall, PreparedCall, make_prepared
from hookline.engine.outgoing import (
    HOPS_HEADER,
    build_request,
    check_request,
    finish_request,
)
from hookline.engine.raw_fields import join_raw, joined_if_sound
from hookline.engine.scrubbing import Scrubber, make_refusal, scrub
from hookline.engine.settlement import Settlement, client_gone
from hookline.engine.trial_wishes import TEST_HEADER, TEST_PARAMETER, refuse_unheard
from hookline.engine.upstream_errors import error_of
from hookline.errors import (
    AuthenticationError,
    HooklineError,
    NotFoundError,
    PermissionDeniedError,
    PluginError,
    StoreUnavailableError,
    raise_from,
)
from hookline.failure_log import log_failure_of_code
from hookline.interrupts import is_ctrl_c
from hookline.order import RAW_JSON, Order
from hookline.output import Output
from hookline.paging import MAX_ITEMS
from hookline.principal import Decision, InboundRequest, Principal
from hookline.record import make_record
from hookline.streaming import StreamTransform
from hookline.upstream import Response, UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.clock import Clock
    from hookline.connector import Connector
    from hookline.engine.catalog import Catalog
    from hookline.plugins import PluginHost
    from hookline.settings import LimitSettings

_log = logging.getLogger("hookline.pipeline")

T = TypeVar("T")

_MAX_REFUSAL_BYTES = 1024 * 1024
_MAX_DEPTH = 8
_UNSET = (None, "")
_NO_RULE = Decision(allow=False, reason="No rule allows it.")
_TRUE_WORDS = frozenset({"true", "1", "yes", "on"})


class Pipeline:
    """Runs calls.

    Args:
        host: The plugins.
        catalog: The actions.
        account_of: Returns the default upstream account of a connector.
        limits: Bounds on sizes and times.
        user_agent: How the gateway names itself to upstreams.
        clock: What time it is.
    """

    def __init__(
        self,
        host: PluginHost,
        catalog: Catalog,
        account_of: Callable[[Connector], Connection],
        limits: LimitSettings,
        *,
        user_agent: str,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._host = host
        self._hook = host.calls
        self._catalog = catalog
        self._account_of = account_of
        self._limits = limits
        self._user_agent = user_agent
        self._clock = clock
        self._has_shapers = host.has("hookline_shape_request")
        self._accounts = Accounts(host, fault=self._fault)
        self._decide = self._ask_for_another if host.has("hookline_retry") else None
        self._answers = AnswerMaker(
            limits,
            process=self._process if host.has("hookline_process_response") else None,
            open_transforms=self._open_transforms if host.has("hookline_open_stream") else None,
        )

    def authenticate(self, request: InboundRequest) -> Principal:
        """Return who sent a request.

        Raises:
            AuthenticationError: If nobody recognises it; the answer does not tell why.
        """
        try:
            principal = self._hook.hookline_authenticate(request=request)
        except Exception as exc:
            raise_from(self._host.to_error(exc), exc)
        if not isinstance(principal, Principal):
            raise AuthenticationError("This request carries no valid API key.")
        return principal

    def prepare(
        self, principal: Principal, order: Order, *, parent: Call | None = None, is_trusted: bool = False
    ) -> PreparedCall:
        """Return the call that an order asks for, ready to run.

        Args:
            principal: Who asks.
            order: What for.
            parent: The call that needs this one, if one does.
            is_trusted: Whether the gateway itself wants it, so that the caller's rights do not matter.

        Raises:
            HooklineError: If the order is refused.
        """
        call = self._open(principal, order, parent, is_internal=is_trusted)
        if FLOW_HEADER in call.headers and call.flow is None and parent is None:
            call.record.warn(
                "flow_unreadable", "`X-Hookline-Flow` is no name that can be shown; it is ignored."
            )
        settlement = Settlement(call, self._hook)
        try:
            request = self._make_request(call, order, is_trusted=is_trusted)
            settlement.admit(request)
        except Exception as exc:
            raise_from(settlement.finish(self.map_error(call, exc)), exc)
        except BaseException as exc:
            self._end(call, settlement, exc)
        return make_prepared(call=call, request=request, endpoint=order.endpoint, settlement=settlement)

    def check(self, principal: Principal, order: Order) -> DraftCall:
        """Return the call that an order asks for without running it: nothing is set aside or recorded.

        Raises:
            HooklineError: If the order would be refused, limits aside.
        """
        call = self._open(principal, order, None, is_internal=False)
        try:
            return DraftCall(call=call, request=self._make_request(call, order, is_trusted=False))
        except Exception as exc:
            raise_from(self.map_error(call, exc), exc)

    def perform(self, prepared: PreparedCall) -> Answer:
        """Run a prepared call.

        Raises:
            HooklineError: If it fails before its answer has begun.
        """
        call, settlement = prepared.call, prepared.settlement
        attempts = Attempts(
            call,
            prepared.request,
            send=self._attempt,
            decide=None if call.action.code is not None else self._decide,  # what it runs inside was retried
            map_error=self.map_error,
            doubt=settlement.doubt,
        )
        try:
            while True:
                try:
                    answer = self._answers.make(prepared, attempts, attempts.send())
                    break
                except Exception as exc:
                    attempts.again(exc)
        except BaseException as exc:
            self._end(call, settlement, exc)
        if isinstance(answer.content, bytes):
            settlement.finish(None)
        return answer

    def map_error(self, call: Call, exc: BaseException) -> HooklineError:
        """Return the error that the caller is told for whatever went wrong in a call."""
        if isinstance(exc, UnwritableChangeError):
            exc = self._fault(
                "hookline_process_response", f"changed what the format of {call.action.id} cannot say"
            )
        error = self._host.to_error(exc)
        if not error.is_mapped:  # by a call inside this one
            error = judge(call.action, error)
            try:
                mapped = self._hook.hookline_map_error(call=call, error=error)
            except Exception as failure:  # a broken mapper must not hide the answer's place
                mapped = self._host.to_error(failure)
            error = mapped if isinstance(mapped, HooklineError) else error
            error.is_mapped = True
        error.record = call.record
        return error

    # ------------------------------------------------------------ the steps

    def _open(self, principal: Principal, order: Order, parent: Call | None, *, is_internal: bool) -> Call:
        action = self._catalog.find(order.action_id, with_hidden=parent is not None or is_internal)
        fields = order.fields
        if RAW_JSON in fields and order.endpoint is None:
            fields = joined_if_sound(fields, action)
        if action.paging is not None and order.endpoint is None and fields.get(MAX_ITEMS) not in _UNSET:
            action = action.paging.many
        stream = fields.get("stream")
        wants_stream = stream is True or (
            order.endpoint is None and isinstance(stream, str) and stream.strip().lower() in _TRUE_WORDS
        )
        is_stream = wants_stream and action.stream is not None
        time_s = self._time_for_stream(principal) if is_stream else self._limits.timeout_s
        began_at = self._clock.monotonic()
        connection = self._account_of(action.connector)
        return make_call(
            id=order.call_id,
            action=action,
            principal=principal,
            connection=connection if action.code is None else code_connection(connection),
            door="wire" if order.endpoint else "action",
            input=fields,
            headers=order.headers,
            is_stream=is_stream,
            deadline=began_at + time_s if parent is None else parent.deadline,
            record=make_record(
                began_at=began_at, began_at_utc=self._clock.now(), is_composed=action.code is not None
            ),
            cancellation=(order.cancellation or Cancellation()) if parent is None else parent.cancellation,
            parent=parent,
            clock=self._clock,
            runs_actions=self._run_inside,
            client=order.client if parent is None else parent.client,
            is_internal=is_internal,
            max_answer_bytes=self._limits.max_answer_bytes,
        )

    def _time_for_stream(self, principal: Principal) -> float:
        cap_s = principal.caps.max_stream_s
        return self._limits.timeout_s if cap_s is None else min(cap_s, self._limits.timeout_s)

    def _make_request(self, call: Call, order: Order, *, is_trusted: bool) -> UpstreamRequest:
        if not is_trusted:
            self._authorize(call)
        self._validate(call)
        self._accounts.choose(call)
        if TEST_HEADER in order.headers or TEST_PARAMETER in order.query:
            refuse_unheard(call, order)
        request = build_request(call, order, user_agent=self._user_agent, max_hops=self._limits.max_hops)
        self._shape(call, request)
        return request

    def _authorize(self, call: Call) -> None:
        try:
            decisions = self._hook.hookline_authorize(call=call)
        except (PermissionDeniedError, StoreUnavailableError):
            raise
        except Exception as exc:
            told = self._host.to_error(exc).message
            log_failure_of_code(_log, "%s was denied: an authorizer failed: %s", call.id, told, exc=exc)
            raise PermissionDeniedError("Whether this key may run this action could not be decided.") from exc
        denied: Decision | None = None if decisions else _NO_RULE
        for decision in decisions:
            if not isinstance(decision, Decision):
                raise PermissionDeniedError("Whether this key may run this action could not be decided.")
            if decision.allow is not True and denied is None:
                denied = decision
        if denied is not None:
            raise PermissionDeniedError(f"This key may not run {call.action.id}. {denied.reason}".rstrip())

    def _validate(self, call: Call) -> None:
        if call.door == "wire":
            return  # the service judges its own format
        entry = self._catalog.entry_of(call.action)
        if RAW_JSON in call.input:
            join_raw(call.input, call.action)  # says what is wrong with it
        entry.coercion.apply(call.input)
        entry.input.check(call.input)

    def _shape(self, call: Call, request: UpstreamRequest) -> None:
        text: bytes | None = None
        if self._has_shapers:
            watch, path = BodyWatch(request), request.path
            self._hook.hookline_shape_request(call=call, request=request)
            try:
                is_changed = watch.is_changed(request)
            except TypeError as exc:
                raise self._fault(
                    "hookline_shape_request", "put something into the body that is not JSON"
                ) from exc
            text = watch.text
            if is_changed:
                request.content = None  # to be written anew
                if request.path == path:  # another endpoint has another body
                    self._check_changed_body(call, request)
        try:
            finish_request(request, text=text)
        except TypeError as exc:
            raise self._fault(
                "hookline_shape_request", f"made a body that {call.action.id} cannot send"
            ) from exc
        misdeed = check_request(call, request)
        if misdeed is not None:
            raise self._fault("hookline_shape_request", f"{misdeed}, which none may do")

    def _check_changed_body(self, call: Call, request: UpstreamRequest) -> None:
        entry = self._catalog.entry_of(call.action)
        validator = entry.request if call.action.code is None else entry.input
        if call.door == "action" and validator is not None:
            problems = validator.problems(request.body)
            if problems:
                raise self._fault("hookline_shape_request", f"made the request invalid: {problems[0]}")

    def _attempt(self, call: Call, request: UpstreamRequest) -> UpstreamResponse:
        signed = request.with_own_headers()
        if call.action.meter is not None:
            call.record.model = call.action.meter.model(request)
        secret = self._accounts.sign(call, signed)
        try:
            response = self._hook.hookline_execute(call=call, request=signed)
        except Exception as exc:
            self._attempt_failed(call, exc)
        call.record.attempts += call.action.code is None
        if not isinstance(response, UpstreamResponse):
            raise self._fault("hookline_execute", "returned something other than an UpstreamResponse")
        if not 200 <= response.status < 300:
            scrubber = None if secret is None else Scrubber(secret)
            content = response.read(max_bytes=_MAX_REFUSAL_BYTES, call=call)
            raise error_of(make_refusal(response, content, scrubber))
        if secret is not None and isinstance(call.action.connector.credential, QueryCredential):
            scrub(response, Scrubber(secret))  # it stands in an address, and addresses come back in answers
        return response

    def _attempt_failed(self, call: Call, exc: Exception) -> NoReturn:
        error = self._host.to_error(exc)
        try:
            call.record.attempts += error.reached_upstream and call.action.code is None
            raise_from(error, exc)
        finally:
            del error, exc  # or the traceback, which holds this frame, would keep them alive

    def _process(self, call: Call, response: Response) -> None:
        self._hook.hookline_process_response(call=call, response=response)

    def _open_transforms(self, call: Call) -> list[StreamTransform]:
        found = self._run(lambda: self._hook.hookline_open_stream(call=call))
        if not all(isinstance(transform, StreamTransform) for transform in found):
            raise self._fault("hookline_open_stream", "returned something other than a StreamTransform")
        return list(found)

    def _ask_for_another(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        decision: object = self._run(lambda: self._hook.hookline_retry(call=call, attempt=attempt))
        if decision is None or _is_sound(decision):
            return decision
        raise self._fault("hookline_retry", "returned something other than a RetryDecision")

    def _run_inside(self, parent: Call, action_id: str, input: JsonObject, *, as_gateway: bool) -> Output:
        """Run an action for a call that is running, and return its output."""
        depth, above = 1, parent
        while above.parent is not None:
            depth, above = depth + 1, above.parent
        if depth > _MAX_DEPTH:
            raise HooklineError(
                f"{action_id} was not run: calls run each other more than {_MAX_DEPTH} deep.",
                code="calls_too_deep",
                hint="An action runs itself, be it through others; whoever wrote it must end that.",
            )
        self._check_known(parent, action_id)
        if parent.cancellation.is_cancelled:
            raise client_gone()
        parent.check_deadline()
        order = Order(
            action_id=action_id,
            fields={**input, "stream": False} if input.get("stream") else dict(input),
            headers=_without_wishes(parent.headers) if as_gateway else parent.headers,
        )
        watch = self._host.watch
        began_s = watch.now()
        try:
            prepared = self.prepare(parent.principal, order, parent=parent, is_trusted=as_gateway)
            answer = self.perform(prepared)
        except HooklineError as exc:
            if exc.action_id is None:
                exc.action_id = action_id
            raise
        finally:
            watch.deduct(watch.now() - began_s)
        if not isinstance(answer.content, bytes):
            raise HooklineError(f"{action_id} answered with a stream.")
        return Output(orjson.loads(answer.content))

    def _check_known(self, parent: Call, action_id: str) -> None:
        """Refuse to run an action that is not there.

        It is no fault of the caller, who would be told 404 for an action that exists.
        """
        try:
            self._catalog.find(action_id, with_hidden=True)
        except NotFoundError as exc:
            raise HooklineError(
                f"{parent.action.id} needs an action that is not there. {exc.message}",
                code="unknown_action",
                hint="Whoever runs this gateway must install or switch on the plugin that has it.",
            ) from None

    # ------------------------------------------------------------ plugins that fail

    def _run(self, hook: Callable[[], T]) -> T:
        """Return what a hook returns, and make an error of what it raises where nobody further out does."""
        try:
            return hook()
        except HooklineError:
            raise
        except Exception as exc:
            raise_from(self._host.to_error(exc), exc)

    def _end(self, call: Call, settlement: Settlement, exc: BaseException) -> NoReturn:
        """Book what ended a call, and raise it as an error unless it ends the process."""
        try:
            if isinstance(exc, Exception) or is_ctrl_c(exc):  # an exception was made an error before
                settlement.finish(self._host.to_error(exc))
                raise exc
            raise_from(settlement.finish(self.map_error(call, exc)), exc)
        finally:
            del exc  # or its traceback, which holds this frame, would keep it alive

    def _fault(self, hook_name: str, misdeed: str) -> PluginError:
        names = [name for name, _ in self._host.implementations(hook_name)]
        return PluginError(f"{hook_name}() of {' or '.join(names)} {misdeed}.", plugin=", ".join(names))


def _without_wishes(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the gateway's own calls keep of a caller's headers: where the call comes from."""
    return {name: headers[name] for name in (HOPS_HEADER, FLOW_HEADER) if name in headers}


def _is_sound(decision: object) -> TypeGuard[RetryDecision]:
    """Tell whether a plugin's decision is one, and holds what it should hold."""
    return (
        isinstance(decision, RetryDecision)
        and isinstance(decision.after_s, (int, float))
        and isinstance(decision.request, (UpstreamRequest, NoneType))
        and isinstance(decision.connection, (Connection, NoneType))
        and isinstance(decision.error, (HooklineError, NoneType))
    )
