"""A gateway whose base URL leads back to itself must not call itself forever."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from live_gateway import KEY, Start, free_port


@pytest.mark.parametrize("moderated", ["false", "true"])
def test_s30_a_base_url_that_leads_back_ends_the_circle(start_server: Start, moderated: str) -> None:
    """S30: each hop is counted, also in the calls that a plugin makes for the gateway itself."""
    port = free_port()
    server = start_server(
        HOOKLINE_PORT=str(port),
        HOOKLINE_OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1",
        HOOKLINE_OPENAI_API_KEY=KEY,
        HOOKLINE_MODERATION_CHECK_INPUT=moderated,
        HOOKLINE_LEDGER_MAX_AGE_DAYS="30",
        HOOKLINE_RETRY_MAX_ATTEMPTS="1",
    )
    body = json.dumps({"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hi"}]})

    with closing(server.connect()) as connection:
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        answer.read()

    assert answer.status in (502, 503, 508)
    assert server.is_healthy()
    log = server.log.read_text()
    assert "loop_detected" in log
    assert log.count("POST '/v1/") <= 6
