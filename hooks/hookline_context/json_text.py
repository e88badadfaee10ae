"""The JSON text of any value, however odd: bodies of the wire door have not been looked at by anybody."""

from __future__ import annotations

import orjson


def json_text(value: object) -> str:
    """Return a value as JSON text; where it is nested too deeply for that, its texts and marks one by one."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return _flat_text(value)


def size_of(value: object) -> int:
    """Return how many bytes the JSON text of a value has, or more."""
    try:
        return len(orjson.dumps(value))
    except TypeError:
        return len(_flat_text(value).encode("utf-8", "surrogatepass"))


def _flat_text(value: object) -> str:
    """Return everything in a value in no particular order, without recursion."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found.append("{}")
            for key, member in one.items():
                found.append(f'"{key}":,')
                waiting.append(member)
        elif isinstance(one, (list, tuple)):
            found.append("[" + "," * len(one) + "]")
            waiting.extend(one)
        elif isinstance(one, str):
            found.append(f'"{one}"')
        else:
            found.append(str(one))
    return "".join(found)
