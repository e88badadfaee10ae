"""What an API key looks like: ``hk_``, 16 characters that name it, ``_``, and 43 that are its secret.

Both parts are letters and digits only, so that a double click takes the whole key and it can be cut in one
way only. The secret is 43 characters out of 62, which is 256 bits. There is no check digit: whoever sends a
mistyped key gets the answer for a wrong one, and nothing of it is worked out before the look-up.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field

PREFIX = "hk_"
ID_LENGTH = 16
SECRET_LENGTH = 43
KEY_LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH
_ID_ALPHABET = string.ascii_lowercase + "234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits
_ID = re.compile(rf"[a-z2-7]{{{ID_LENGTH}}}")
_KEY = re.compile(rf"hk_([a-z2-7]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})")

Choose = Callable[[str], str]
"""Returns one character of a text by chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyText:
    """The two parts of a key.

    Attributes:
        id: Public id; safe to log and to show.
        secret: What proves that somebody holds the key.
    """

    id: str
    secret: str = field(repr=False)

    def reveal(self) -> str:
        """Return the whole key."""
        return f"{PREFIX}{self.id}_{self.secret}"


def new_id(choose: Choose = secrets.choice) -> str:
    """Return a random public id of 80 bits."""
    return "".join(choose(_ID_ALPHABET) for _ in range(ID_LENGTH))


def new_secret(choose: Choose = secrets.choice) -> str:
    """Return a random secret of 256 bits."""
    return "".join(choose(_SECRET_ALPHABET) for _ in range(SECRET_LENGTH))


def read_key(text: str) -> KeyText | None:
    """Return the parts of a key, or None if the text has another form."""
    match = _KEY.fullmatch(text)
    return None if match is None else KeyText(id=match[1], secret=match[2])


def is_key_id(text: str) -> bool:
    """Tell whether a text has the form of a public id."""
    return _ID.fullmatch(text) is not None
