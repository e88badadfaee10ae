"""Pieces of HTML from texts that others wrote: each text is escaped, and in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape

_CODE = re.compile(r"`([^`\n]+)`")


def text(words: str) -> str:
    """Return a text as HTML; what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(words))


def code(words: str) -> str:
    """Return a text as code."""
    return f"<code>{escape(words)}</code>"


def paragraphs(words: str) -> str:
    """Return a text with blank lines in it as paragraphs."""
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", words))
    return "".join(f"<p>{text(part)}</p>\n" for part in parts if part)


def block(words: str, label: str) -> str:
    """Return a text as it is, below what it is called."""
    return f"<figure><figcaption>{text(label)}</figcaption><pre>{escape(words)}</pre></figure>\n"


def json_block(value: object, label: str) -> str:
    """Return a value as JSON."""
    return block(json.dumps(value, indent=2, ensure_ascii=False), label)


def folded(value: object, label: str) -> str:
    """Return a value as JSON that is shown when its label is clicked."""
    shown = escape(json.dumps(value, indent=2, ensure_ascii=False))
    return f"<details><summary>{text(label)}</summary><pre>{shown}</pre></details>\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, name: str) -> str:
    """Return a table; its cells are HTML already.

    Args:
        heads: What its columns hold, as texts.
        rows: Its rows.
        name: What it holds, for those who hear it.
    """
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table aria-label="{escape(name)}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n"
    )
