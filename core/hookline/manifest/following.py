"""The manifests of a gateway's folder: loaded when it starts, and followed while it runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.plugins import PluginInfo

if TYPE_CHECKING:
    from hookline.connector import Connector
    from hookline.gateway import Gateway
    from hookline.manifest.folder import FolderChange, ManifestFolder
    from hookline.plugins import PluginHost

LOOK_EVERY_S = 2.0
"""A look is one listing of the folder; nothing is read unless a file changed."""

PLUGIN_PREFIX = "manifest:"
"""What the names begin with by which manifests stand among the plugins."""

_log = logging.getLogger("hookline.manifest")

_Pair = tuple["Connector | None", "Connector | None"]
"""What was there under an id, and what takes its place."""


class FollowedManifests:
    """Keeps a gateway's connectors as its folder has them.

    Args:
        gateway: The gateway.
        folder: The folder; it was loaded.
        every_s: Time between two looks.
    """

    def __init__(self, gateway: Gateway, folder: ManifestFolder, *, every_s: float = LOOK_EVERY_S) -> None:
        self._gateway = gateway
        self._folder = folder
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def problems(self) -> list[str]:
        """What is wrong with the folder and its files now."""
        return self._folder.problems

    def begin(self) -> None:
        """Follow the folder from now on, on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hookline-manifests", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2 * self._every_s)

    def refresh(self) -> None:
        """Look once, and take into use what changed."""
        with self._lock:
            self._take(_by_id(self._folder.refresh()))
            note_manifests(self._gateway.host, self._folder)

    def _take(self, pairs: list[_Pair]) -> None:
        """Take into use what changed, all at once; what is refused is found by halves."""
        if not pairs:
            return
        try:
            self._gateway.replace_connectors(
                removed=[removed for removed, _ in pairs if removed is not None],
                added=[added for _, added in pairs if added is not None],
            )
        except ConfigurationError as exc:
            if len(pairs) > 1:
                half = len(pairs) // 2
                self._take(pairs[:half])
                self._take(pairs[half:])
            elif (added := pairs[0][1]) is not None:
                self._folder.give_up(added, exc.message, instead=pairs[0][0])
            return
        for removed, added in pairs:
            if added is not None:
                self._gateway.catalog.owners[added.id] = f"{PLUGIN_PREFIX}{added.id}"
                _log.info("the connector %r was loaded with %d actions", added.id, len(added.actions))
            elif removed is not None:
                _log.info("the connector %r is gone, and its actions with it", removed.id)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self.refresh()
            except Exception:  # the next look may go well
                _log.exception("the folder of manifests could not be followed")


def _by_id(change: FolderChange) -> list[_Pair]:
    """Return what takes the place of what: old and new connector of each id, the removals first."""
    added = {one.id: one for one in change.added}
    pairs: list[_Pair] = [(one, added.pop(one.id, None)) for one in change.removed]
    pairs.sort(key=lambda pair: pair[1] is not None)
    return pairs + [(None, one) for one in added.values()]


def note_manifests(host: PluginHost, folder: ManifestFolder) -> None:
    """Have every manifest stand among the plugins, such as ``manifest:petstore``, with what became of it.

    The plugins are exchanged as a whole, because calls may be going through them.
    """
    found: dict[str, PluginInfo] = {}
    for file in folder.files:
        name = f"{PLUGIN_PREFIX}{file.id}"
        if name in found:  # two files, of which at most one is used
            name = f"{PLUGIN_PREFIX}{file.name}"
        found[name] = PluginInfo(
            name=name,
            distribution=file.name,
            status="active" if file.connector is not None else "broken",
            problem=file.problem,
        )
    others = {name: info for name, info in host.plugins.items() if not name.startswith(PLUGIN_PREFIX)}
    host.plugins = {**others, **found}
