"""The OpenAI connector and its actions, one module each."""

from __future__ import annotations

from hookline.connector import Connector
from hookline_openai import chat, complete, edit, embed, list_models, model_options, moderate
from hookline_openai.settings import OpenAIOptions

connector = Connector(
    "openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    description="Language models of OpenAI, or of any server that speaks the same API.",
    environment={"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"},
    options=OpenAIOptions,
    test="list_models",
    user_fields=("safety_identifier", "user"),
    forward_headers=("x-client-request-id",),
    return_headers=("x-request-id", "retry-after", "retry-after-ms", "openai-*", "x-ratelimit-*"),
)

for action in (chat, complete, edit, embed, moderate, list_models):
    action.register(connector)
model_options.register(connector)
