"""Which models a caller gets to see."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest

from hookline.principal import Principal
from openai_lab import OpenAILab

SCOPES = frozenset({"actions:run", "catalog:read"})
SOME = Principal(key_id="some", scopes=SCOPES, models=("gpt-5.4*", "omni-moderation-latest"))
ALL = Principal(key_id="all", scopes=SCOPES, models=("gpt-4o", "*"))
NONE = Principal(key_id="none", scopes=SCOPES, models=())


def wire_ids(lab: OpenAILab) -> list[str]:
    with lab.client() as client:
        return [model.id for model in client.models.list()]


def test_caller_who_may_use_all_models_sees_all() -> None:
    assert wire_ids(OpenAILab(principal=ALL)) == wire_ids(OpenAILab())
    assert len(wire_ids(OpenAILab())) > 20


def test_official_client_lists_only_what_its_key_may_use() -> None:
    everything, found = wire_ids(OpenAILab()), wire_ids(OpenAILab(principal=SOME))

    assert found == [id for id in everything if SOME.may_use_model(id)]
    assert 0 < len(found) < len(everything)
    assert wire_ids(OpenAILab(principal=NONE)) == []


@pytest.mark.parametrize("raw", [False, True])
def test_action_lists_only_what_the_key_may_use(raw: bool) -> None:
    lab = OpenAILab(principal=SOME)

    status, content = lab.post("/actions/openai.list_models", {"raw": raw})

    output: dict[str, Any] = orjson.loads(content)
    ids = [model["id"] for model in output["models"]]
    assert (status, output["count"]) == (200, len(ids))
    assert sorted(ids) == sorted(wire_ids(lab))
    if raw:
        assert sorted(model["id"] for model in output["raw"]["data"]) == sorted(ids)


def test_one_model_that_the_key_may_use_is_shown() -> None:
    with OpenAILab(principal=SOME).client() as client:
        assert client.models.retrieve("gpt-5.4-mini").id == "gpt-5.4-mini"


def test_hidden_model_cannot_be_told_from_one_that_does_not_exist() -> None:
    lab = OpenAILab(principal=SOME)
    told = []
    with lab.client() as client:
        for model in ("gpt-4o", "no-such-model", "ft:gpt-4o:acme::x"):
            with pytest.raises(openai.NotFoundError) as caught:
                client.models.retrieve(model)
            told.append((caught.value.code, str(caught.value).replace(model, "X")))

    assert len(set(told)) == 1
    assert told[0][0] == "model_not_found"


def test_nothing_is_asked_of_the_service_about_a_hidden_model() -> None:
    lab = OpenAILab(principal=SOME)
    with lab.client() as client, pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")

    assert lab.ledger.calls[-1].record.attempts == 0
