"""``openai.list_models``: which models this account may use."""

from typing import Literal

from pydantic import Field

from hookline.action import JsonObject, Sample
from hookline.call import Call
from hookline.connector import Connector
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import with_raw
from hookline_openai.metering import FreeMeter
from hookline_openai.model_table import ModelTable, table_of
from hookline_openai.reading import (
    read_list,
    read_object,
    read_optional_text,
    read_text,
    read_whole_number,
)
from hookline_openai.shapes import Shape, StrictShape, absent, field

Kind = Literal["chat", "completion", "embedding", "moderation"]
"""What a model is made for."""


class ListModelsInput(StrictShape):
    """List the models that this account may use, newest first."""

    search: str | None = field(
        "Search", "Only models whose name contains this.", group="basic", placeholder="mini"
    )
    kind: Kind | None = field(
        "Kind",
        "Only models that are made for this, and those of which it is not known.",
        group="basic",
    )
    raw: bool | None = field(
        "Raw answer", "Whether the output also holds the service's own answer.", group="output", advanced=True
    )


class Model(Shape):
    """A model."""

    id: str = Field(title="Id", description="What to write into the field `model`.")
    name: str = Field(
        title="Name", description="The id, and the day on which the model ends if that is known."
    )
    created: int | None = Field(title="Created", description="When it appeared, in Unix seconds.")
    owned_by: str | None = Field(title="Owner", description="Who owns it.")
    shutdown_date: str | None = Field(title="Ends on", description="Day on which it ends, as YYYY-MM-DD.")


class ListModelsOutput(Shape):
    """The models."""

    models: list[Model] = Field(title="Models", description="The models, newest first.")
    count: int = Field(title="Count", description="How many they are.", ge=0)
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")


def prepare_models(call: Call, request: UpstreamRequest) -> None:
    """Send neither body nor query: the service lists all, and what is searched for is picked here."""
    request.body = None


def present_models(call: Call, raw: object) -> JsonObject:
    """Return the list of models; a single model makes a list of one.

    Search and kind belong to the action door. The wire door lists what the service lists.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    models = [_model(entry, f"data[{position}]") for position, entry in enumerate(_entries(answer))]
    if call.door == "action":
        search = str(call.input.get("search") or "").strip().lower()
        kind = call.input.get("kind")
        table = table_of(call.connection)
        models = [model for model in models if _is_wanted(str(model["id"]), search, kind, table)]
    models.sort(key=_newest_first)
    return with_raw(call, answer, {"models": models, "count": len(models)})


def restore_models(raw: object, output: JsonObject) -> object:
    """Return a copy of the service's list without the models that are missing in a changed output.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    if "data" not in answer:
        return answer
    kept = {model.get("id") for model in read_list(output.get("models"), "models") if isinstance(model, dict)}
    return {
        **answer,
        "data": [entry for entry in _entries(answer) if read_object(entry, "data").get("id") in kept],
    }


def _entries(answer: JsonObject) -> list[object]:
    if "data" not in answer and answer.get("id") is not None:
        return [answer]
    return read_list(answer.get("data"), "data")


def _model(value: object, where: str) -> JsonObject:
    entry = read_object(value, where)
    id = read_text(entry.get("id"), f"{where}.id")
    ends = read_optional_text(entry.get("shutdown_date"), f"{where}.shutdown_date")
    created = entry.get("created")
    return {
        "id": id,
        "name": f"{id} (ends {ends})" if ends else id,
        "created": None if created is None else read_whole_number(created, f"{where}.created"),
        "owned_by": read_optional_text(entry.get("owned_by"), f"{where}.owned_by"),
        "shutdown_date": ends,
    }


def _is_wanted(id: str, search: str, kind: object, table: ModelTable) -> bool:
    known = table.find(id) if kind is not None else None
    return search in id.lower() and (known is None or known.kind == kind)


def _newest_first(model: JsonObject) -> tuple[int, str]:
    created = model["created"]
    return (-created if isinstance(created, int) else 0, str(model["id"]))


SAMPLES = (
    Sample(
        title="Small models",
        input={"search": "mini"},
        output={
            "models": [
                {
                    "id": "gpt-5.4-mini",
                    "name": "gpt-5.4-mini",
                    "created": 1773705600,
                    "owned_by": "system",
                    "shutdown_date": None,
                },
                {
                    "id": "gpt-4o-mini",
                    "name": "gpt-4o-mini (ends 2027-01-15)",
                    "created": 1721172741,
                    "owned_by": "system",
                    "shutdown_date": "2027-01-15",
                },
            ],
            "count": 2,
        },
    ),
)


def register(connector: Connector) -> None:
    """Add the action to the connector."""
    connector.endpoint(
        "list_models",
        "GET",
        "/models",
        title="List models",
        input=ListModelsInput,
        output=ListModelsOutput,
        read_only=True,
        samples=SAMPLES,
        prepare=prepare_models,
        present=present_models,
        restore=restore_models,
        meter=FreeMeter(),
    )
