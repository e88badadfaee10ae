"""OpenAI behind Hookline: six actions, the OpenAI wire format, and errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from hookline.call import Call
    from hookline.connector import Connector
    from hookline.errors import HooklineError
    from hookline.routes import RouteRegistry
    from hookline.streaming import StreamTransform
    from hookline.upstream import Response, UpstreamRequest, UpstreamResponse


_LISTING = "openai.list_models"


@hookimpl
def hookline_register_connectors() -> list[Connector]:
    """Add the connector ``openai``."""
    from hookline_openai.connector import connector

    return [connector]


@hookimpl
def hookline_register_routes(routes: RouteRegistry) -> None:
    """Add OpenAI's own addresses below ``/v1``."""
    from hookline_openai.wire import add_routes

    add_routes(routes)


@hookimpl(trylast=True)
def hookline_shape_request(call: Call, request: UpstreamRequest) -> None:
    """Make streams tell their tokens, once all others have decided what will be a stream."""
    if call.action.connector.id != "openai":
        return
    if request.is_stream:
        from hookline_openai.stream_usage import ask_for_stream_usage

        ask_for_stream_usage(call, request)
    elif call.action.id == _LISTING and _sees_some(call):
        from hookline_openai.model_rights import refuse_hidden_model

        refuse_hidden_model(call, request)


@hookimpl(wrapper=True)
def hookline_execute(
    call: Call, request: UpstreamRequest
) -> Generator[None, UpstreamResponse, UpstreamResponse]:
    """Note when each attempt at a stream begins."""
    if not request.is_stream or call.action.connector.id != "openai":
        return (yield)
    from hookline_openai.stream_usage import watch_attempt

    return (yield from watch_attempt(call, request))


@hookimpl(wrapper=True)
def hookline_open_stream(
    call: Call,
) -> Generator[None, list[StreamTransform], list[StreamTransform]]:
    """Read what a stream says that it took."""
    transforms = yield
    if call.action.connector.id != "openai":
        return transforms
    from hookline_openai.stream_usage import with_usage

    return with_usage(call, transforms)


@hookimpl
def hookline_process_response(call: Call, response: Response) -> None:
    """Show a caller no other models than those that it may use."""
    if call.action.id == _LISTING and _sees_some(call):
        from hookline_openai.model_rights import hide_models

        hide_models(call, response)


@hookimpl
def hookline_map_error(call: Call, error: HooklineError) -> HooklineError | None:
    """Say in plain words why OpenAI refused, and note when a stream broke."""
    from hookline_openai.errors import map_error
    from hookline_openai.stream_usage import end_part

    end_part(call)
    return map_error(call, error)


def _sees_some(call: Call) -> bool:
    """Tell whether a list of models goes to a caller who may not use all of them."""
    return "*" not in call.principal.models and not call.is_internal
