"""Chat answers in capital letters."""

from hookline import Call, Response, hookimpl


@hookimpl
def hookline_process_response(call: Call, response: Response) -> None:
    """Raise the voice of every chat."""
    if call.action.id == "openai.chat":
        response.output["text"] = str(response.output["text"]).upper()
