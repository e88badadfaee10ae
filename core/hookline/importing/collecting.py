"""Making many objects without the collector looking through all of them again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Let the collector rest; it takes two fifths of the time in which a large document is imported.

    What is made of a document lives until its end, so there is next to nothing to collect.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()
