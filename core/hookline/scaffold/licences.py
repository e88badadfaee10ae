"""The licence of a new plugin."""

from __future__ import annotations

from dataclasses import dataclass

_MIT = """\
MIT License

Copyright (c) $year $holder

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Licence:
    """A licence that can be chosen.

    Attributes:
        spdx: Its SPDX identifier; empty for none.
        text: Template of the file ``LICENSE``; empty if the author is to add it.
        note: What the author still has to do.
    """

    spdx: str = ""
    text: str = ""
    note: str = ""


def _by_id(spdx: str) -> Licence:
    return Licence(
        spdx=spdx,
        note=f"Add the text of {spdx} as the file LICENSE; pyproject.toml names the licence already.",
    )


LICENCES = {
    "mit": Licence(spdx="MIT", text=_MIT),
    "apache-2.0": _by_id("Apache-2.0"),
    "bsd-3-clause": _by_id("BSD-3-Clause"),
    "mpl-2.0": _by_id("MPL-2.0"),
    "none": Licence(note="Without a licence nobody else may use it; a package index refuses to take it."),
}
"""What ``--license`` takes. Source of the identifiers: the SPDX licence list."""
