"""How much of a document is read: bytes, values, depth, and the numbers in it."""

from __future__ import annotations

from hookline.errors import ConfigurationError

MAX_BYTES = 50 * 1024 * 1024
"""Most bytes of a document."""
MAX_NODES = 4_000_000
"""Most keys and values, counted as if every alias were written out."""
MAX_YAML_NODES = 1_500_000
"""As `MAX_NODES`, for YAML, which takes longer to read."""
MAX_DEPTH = 200
"""Most values inside of each other."""

_MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = 400


def check_characters(text: str, name: str) -> None:
    """Refuse a text that UTF-8 cannot write.

    Raises:
        ConfigurationError: If it holds half a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} has half a surrogate pair, which is no character.") from None


def too_deep(name: str) -> ConfigurationError:
    """Return the error about a document that is nested too deeply."""
    return ConfigurationError(f"{name} is nested deeper than {MAX_DEPTH} levels, which no API needs.")


def too_many(name: str, most: int) -> ConfigurationError:
    """Return the error about a document that holds too much."""
    return ConfigurationError(
        f"{name} holds more than {most:,} values. Cut it down to the operations that you need."
    )


def read_integer(text: str) -> int | float:
    """Return a whole number; one that does not fit into 64 bits as a fraction."""
    if len(text) > _MAX_DIGITS:
        return read_float(text)
    value = int(text)
    return value if abs(value) <= _MAX_INTEGER else read_float(text)


def read_float(text: str) -> float:
    """Return a number that is finite, whatever the text says."""
    return min(max(float(text), -1e308), 1e308)
