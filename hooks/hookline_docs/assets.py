"""The files of the page: ours, and those of Swagger UI from an installed package, which is not imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SWAGGER_PACKAGE = "flask_openapi3_swagger"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_OWN = {name: name for name in ("page.css", "page.js")}
_SWAGGER = {
    "swagger-ui.css": "templates/swagger/css/swagger-ui.css",
    "swagger-ui-bundle.js": "templates/swagger/js/swagger-ui-bundle.js",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One file.

    Attributes:
        name: Its name below ``/docs/assets/``.
        kind: Its content type.
        content: What it holds.
        version: Changes with what it holds.
    """

    name: str
    kind: str
    content: bytes
    version: str

    @property
    def href(self) -> str:
        """Address relative to the page, so that it holds below the path prefix of a proxy too."""
        return f"docs/assets/{self.name}?v={self.version}"


@cache
def find_assets() -> dict[str, Asset]:
    """Return all files by name; without those of Swagger UI if the package is not installed.

    They are read once, when somebody first asks for the page.
    """
    found = {name: _read(name, Path(__file__).with_name(file)) for name, file in _OWN.items()}
    folder = _swagger_folder()
    if folder is not None:
        found |= {name: _read(name, folder / file) for name, file in _SWAGGER.items()}
    return found


def is_whole(assets: Mapping[str, Asset]) -> bool:
    """Tell whether the files of Swagger UI are there too."""
    return _SWAGGER.keys() <= assets.keys()


def _read(name: str, path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(
        name=name,
        kind=_TYPES[path.suffix],
        content=content,
        version=hashlib.sha256(content).hexdigest()[:16],
    )


def _swagger_folder() -> Path | None:
    """Return the package's folder if it holds the files; to look for it runs none of its code."""
    spec = find_spec(_SWAGGER_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if all((Path(place) / file).is_file() for file in _SWAGGER.values()):
            return Path(place)
    return None
