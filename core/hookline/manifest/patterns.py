"""What names and types in a manifest look like."""

from __future__ import annotations

ID_PATTERN = r"^[a-z][a-z0-9_]*$"
NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"
HEADER_PATTERN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
CODE_PATTERN = r"^[a-z][a-z0-9_]{0,59}$"
URL_PATTERN = r"^https?://[^\s?#]+$"
HTTPS_PATTERN = r"^https://[^\s]+$"
PATH_PATTERN = r"^/[^\s?#]*$"

SIMPLE_TYPES: dict[str, dict[str, object]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
    "email": {"type": "string", "format": "email"},
    "uri": {"type": "string", "format": "uri"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "any": {},
}
"""JSON Schema of each type of the short form."""

LIST_OF = "list of "
TYPE_PATTERN = rf"^({LIST_OF})?({'|'.join(SIMPLE_TYPES)})$"
SCHEMA_PATTERN = rf"^({LIST_OF})?[A-Za-z0-9_.-]+$"
