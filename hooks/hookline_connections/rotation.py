"""Changing the key that seals credentials, so that a run which is broken off can go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_connections.desk import Actor, Desk
    from hookline_connections.keys import ConnectionKeys


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What was done.

    Attributes:
        key_id: The key that seals now.
        is_new: Whether it was made by this run; else this run went on with one that was there.
        resealed: How many credentials were sealed anew.
        forgotten: Ids of older keys that were removed.
        problems: Why credentials could not be sealed anew.
    """

    key_id: str
    is_new: bool
    resealed: int
    forgotten: tuple[str, ...]
    problems: tuple[str, ...]

    def as_json(self) -> JsonObject:
        """Return it as JSON."""
        return {
            "key_id": self.key_id,
            "is_new": self.is_new,
            "resealed": self.resealed,
            "forgotten": list(self.forgotten),
            "problems": list(self.problems),
        }

    def lines(self) -> list[str]:
        """Return it for people."""
        was = "was made" if self.is_new else "was there already, and this run went on with it"
        lines = [f"The key {self.key_id} {was}.", f"Sealed anew: {self.resealed}."]
        if self.forgotten:
            lines.append(f"Removed: {', '.join(self.forgotten)}.")
        return lines


def rotate_keys(keys: ConnectionKeys, desk: Desk, by: Actor, *, forget_old: bool = False) -> Rotation:
    """Seal every credential with a new key.

    If some are sealed with an older key than the newest, a run before this one was broken off, or the keys
    come from the environment: then no other key is made.

    Raises:
        ConfigurationError: If the keys cannot be read or written.
    """
    keyring = desk.keyring()
    newest = keyring.newest.id
    used = {row.sealed[1:9].hex() for row in desk.table.read() if row.sealed is not None}
    is_new = keys.is_file and not used - {newest}
    if is_new:
        keyring = keys.add()
        desk.note_key("connections.key.add", keyring.newest.id, by)
    resealed, problems = desk.reseal(keyring, by)
    forgotten: tuple[str, ...] = ()
    if forget_old and keys.is_file and not problems:
        used = {row.sealed[1:9].hex() for row in desk.table.read() if row.sealed is not None}
        forgotten = tuple(key.id for key in keyring.keys[1:] if key.id not in used)
        keys.remove(frozenset(forgotten))
        for id in forgotten:
            desk.note_key("connections.key.remove", id, by)
    return Rotation(
        key_id=keyring.newest.id,
        is_new=is_new,
        resealed=resealed,
        forgotten=forgotten,
        problems=tuple(problems),
    )
