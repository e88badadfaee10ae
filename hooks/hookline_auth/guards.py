"""Holds calls to what their caller may do: actions, models, and how much one call may ask for.

A model is looked at twice: in the input, so that a refusal comes early, and in every request that is about
to be sent, so that no plugin in between leads out of what the caller may use. What the gateway itself wants,
such as a check of the content, is not the caller's choice and not held to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import PermissionDeniedError
from hookline.principal import ANYTHING, Caps, Decision

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.principal import Principal
    from hookline.upstream import UpstreamRequest

SCOPE = "actions:run"
_NO_CAPS = Caps()
_ALLOWED = Decision(allow=True)
_MAX_SHOWN = 10
_HINT = "Ask for one of the models that this key is for, or use another key."


def decide(call: Call) -> Decision | None:
    """Say whether a caller may run an action; None, which is no yes, if it has no right to run any.

    Raises:
        PermissionDeniedError: If its input names a model that is not the caller's.
    """
    principal = call.principal
    if not principal.has_scope(SCOPE):
        return None
    if not principal.may_run(call.action.id):
        return Decision(allow=False, reason=f"It is for {_show(principal.actions)}.")
    model = call.input.get("model")
    if isinstance(model, str) and not principal.may_use_model(model):
        raise PermissionDeniedError(
            f"This key may not run {call.action.id}. {_refusal(principal, model)}", field="model", hint=_HINT
        )
    return _ALLOWED


def check_model(call: Call, request: UpstreamRequest) -> None:
    """Let a request go only if its model is one that the caller may use.

    Where the models are restricted, a request with a body of an action that has models must name one. An
    action without a meter has none, unless its body has a field ``model``.

    Raises:
        PermissionDeniedError: If it is not.
    """
    principal = call.principal
    if principal.models is ANYTHING or call.is_internal or request.body is None:
        return
    meter = call.action.meter
    if meter is not None:
        model: object = meter.model(request)
    elif "model" in request.body:
        model = request.body["model"]
    else:
        return
    if not isinstance(model, str) or not principal.may_use_model(model):
        raise PermissionDeniedError(
            f"This key may not run {call.action.id} so. {_refusal(principal, model)}",
            field="model",
            hint=_HINT,
        )


def bound(call: Call, request: UpstreamRequest) -> None:
    """Hold a request to the caps of its caller.

    Raises:
        PermissionDeniedError: If it asks for more.
    """
    caps, meter = call.principal.caps, call.action.meter
    if caps != _NO_CAPS and meter is not None and not call.is_internal:
        meter.bound(call, request, caps)


def _refusal(principal: Principal, model: object) -> str:
    asked = f"The model {model[:80]!r} is not among its models" if isinstance(model, str) else "Name a model"
    return f"{asked}: {_show(principal.models)}."


def _show(patterns: tuple[str, ...]) -> str:
    shown = ", ".join(patterns[:_MAX_SHOWN]) or "none"
    return f"{shown}, ..." if len(patterns) > _MAX_SHOWN else shown
