"""Which models a caller gets to see: those that it may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from hookline.errors import NotFoundError
from hookline_openai.list_models import restore_models

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.upstream import Response, UpstreamRequest

_MODEL_PATH = "/models/"


def refuse_hidden_model(call: Call, request: UpstreamRequest) -> None:
    """Answer a question about a model that the caller may not use as the service does for one it has not.

    Raises:
        NotFoundError: If the caller may not use it, whether or not there is one.
    """
    if not request.path.startswith(_MODEL_PATH):
        return
    model = unquote(request.path.removeprefix(_MODEL_PATH))
    if not call.principal.may_use_model(model):
        raise NotFoundError(
            f"The model {model[:200]!r} does not exist, or this key may not use it.",
            code="model_not_found",
            field="model",
            hint="List the models to see those that this key may use.",
        )


def hide_models(call: Call, response: Response) -> None:
    """Leave the models out of a list that the caller may not use."""
    output = response.output
    listed = cast("list[JsonObject]", output.get("models") or [])
    shown = [model for model in listed if call.principal.may_use_model(str(model.get("id")))]
    if len(shown) == len(listed):
        return
    output["models"], output["count"] = shown, len(shown)
    if "raw" in output:
        output["raw"] = restore_models(output["raw"], output)
