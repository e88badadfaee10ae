"""HTML: one file that tells of every action, to read and to print; it runs nothing and loads nothing."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from hookline.exports.targets.html.actions import anchor_of, describe_action
from hookline.exports.targets.html.parts import code, table, text
from hookline.exports.targets.html.style import POLICY, STYLE
from hookline.exports.targets.openapi.problem_schema import statuses

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.exports.target import Files

_PLACES = {"header": "header", "query": "query parameter", "field": "field of the body"}


def make_html(blueprint: Blueprint) -> Files:
    """Return ``reference.html``."""
    return {"reference.html": make_page(blueprint)}


def make_page(blueprint: Blueprint) -> str:
    """Return the page."""
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Hookline reference</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n"
        '<div class="page">\n'
        f'<nav aria-label="Contents">\n{_contents(blueprint)}</nav>\n'
        f"<main>\n{_beginning(blueprint)}"
        + "".join(describe_action(action, blueprint) for action in blueprint.actions)
        + f"{_every_call(blueprint)}{_errors(blueprint)}</main>\n</div>\n</body>\n</html>\n"
    )


def _contents(blueprint: Blueprint) -> str:
    groups = groupby(blueprint.actions, key=lambda action: (action.connector, action.connector_title))
    lists = [
        f"<strong>{text(title)}</strong>\n<ul>\n"
        + "".join(
            f'<li><a href="#{anchor_of(action.id)}">{text(action.title)}</a></li>\n' for action in actions
        )
        + "</ul>\n"
        for (_, title), actions in groups
    ]
    calls = '<li><a href="#every-call">Every call</a></li>\n' if blueprint.call_options else ""
    return (
        "".join(lists)
        + f'<strong>For all actions</strong>\n<ul>\n{calls}<li><a href="#errors">Errors</a></li>\n</ul>\n'
    )


def _beginning(blueprint: Blueprint) -> str:
    return (
        "<header>\n<h1>Hookline reference</h1>\n"
        f'<p class="soft">Gateway {code(blueprint.server_url)}, version {text(blueprint.version)}</p>\n'
        "<p>Every action is one POST with a JSON object, and a key of this gateway in the header "
        f"{code('Authorization: Bearer KEY')} or {code('X-API-Key: KEY')}.</p>\n</header>\n"
    )


def _every_call(blueprint: Blueprint) -> str:
    if not blueprint.call_options:
        return ""
    rows = [
        (code(option.name), _PLACES[option.place], text(option.description))
        for option in blueprint.call_options
    ]
    shown = table(("Name", "Where", "Meaning"), rows, name="What every call may say")
    return (
        '<section id="every-call">\n<h2>Every call</h2>\n'
        f"<p>A call may say this besides the fields of its action:</p>\n{shown}</section>\n"
    )


def _errors(blueprint: Blueprint) -> str:
    answers = [
        (code(str(status)), text(answer.description)) for status, answer in blueprint.call_answers.items()
    ]
    errors = [(code(str(status)), text(meaning)) for status, meaning in statuses().items()]
    told = (
        f"<p>Besides 200 a call may answer:</p>\n{table(('Status', 'When'), answers, name='Other answers')}"
        if answers
        else ""
    )
    return (
        '<section id="errors">\n<h2>Errors</h2>\n'
        f"{told}<p>An error is a JSON object. Its {code('message')} says what happened and what to do, "
        f"{code('field')} names the field at fault, {code('retryable')} tells whether the same call may "
        f"succeed later, and {code('retry_after')} after how many seconds.</p>\n"
        f"{table(('Status', 'Meaning'), errors, name='Errors')}</section>\n"
    )
