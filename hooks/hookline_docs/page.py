"""The page itself: one for all readers, without a script or a style in it."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline_docs.assets import Asset

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Hookline reference</title>
<link rel="icon" href="data:,">
"""

_PAGE = Template(
    _HEAD
    + """\
<link rel="stylesheet" href="$swagger_css">
<link rel="stylesheet" href="$page_css">
<script defer src="$swagger_js"></script>
<script defer src="$page_js"></script>
</head>
<body data-public="$is_public" data-can-run="$can_run">
<header class="top">
<h1>Hookline <span>reference</span></h1>
<p id="who" hidden><span id="label"></span> <button type="button" id="forget">Forget the key</button></p>
</header>
<main>
<noscript><p class="card alert">This page needs JavaScript.
<code>hookline export html</code> writes the same reference as a file that needs none.</p></noscript>
<form id="door" class="card" hidden>
<h2>$door_title</h2>
<label for="key">API key of this gateway</label>
<div class="row">
<input id="key" type="password" autocomplete="off" autocapitalize="off" spellcheck="false"
 aria-describedby="promise problem" required>
<button type="submit" id="open">$door_button</button>
</div>
<p id="problem" class="alert" role="alert" hidden></p>
<p id="promise">The key stays in the memory of this page: not in the browser's storage, not in the address.
Closing or reloading the page forgets it.</p>
</form>
<p id="status" role="status"></p>
<section id="reference" aria-label="Actions" tabindex="-1"></section>
</main>
</body>
</html>
"""
)

_MISSING = (
    _HEAD
    + """\
</head>
<body>
<h1>The reference is not installed</h1>
<p>This page shows every action with its form and samples. It needs the files of Swagger UI:</p>
<pre>pip install 'hookline[docs]'</pre>
<p>Restart the gateway after that.</p>
<p>Without it, <code>/openapi.json</code> works all the same,
and <code>hookline export html</code> writes the reference as one file.</p>
</body>
</html>
"""
)


def make_page(assets: Mapping[str, Asset], *, is_public: bool, can_run: bool) -> str:
    """Return the page.

    Args:
        assets: Its files, by name.
        is_public: Whether the document is there for everybody, so that a key is needed only to run things.
        can_run: Whether it offers to run actions.
    """
    return _PAGE.substitute(
        swagger_css=assets["swagger-ui.css"].href,
        swagger_js=assets["swagger-ui-bundle.js"].href,
        page_css=assets["page.css"].href,
        page_js=assets["page.js"].href,
        is_public=str(is_public).lower(),
        can_run=str(can_run).lower(),
        door_title="Run actions" if is_public else "Open the reference",
        door_button="Use this key" if is_public else "Open",
    )


def make_missing_page() -> str:
    """Return the page that says what to install."""
    return _MISSING
