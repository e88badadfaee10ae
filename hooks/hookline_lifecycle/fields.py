"""Errors that name a field as the upstream knows it, told with the name that the caller used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.errors import HooklineError

_ROOT = re.compile(r"[^.\[]*")
_WRITTEN_FROM = {"max_completion_tokens": "max_tokens", "messages": "prompt", "top_logprobs": "logprobs"}


def name_the_caller_s_field(call: Call, error: HooklineError) -> None:
    """Let an error name the field of the caller's input that the upstream's field was written from."""
    root = _ROOT.match(error.field or "")
    name = root[0] if root else ""
    own = _WRITTEN_FROM.get(name)
    if own is not None and call.input.get(name) is None and call.input.get(own) is not None:
        error.field = own
