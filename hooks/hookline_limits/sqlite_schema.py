"""The tables of the file that several processes of one machine count in."""

from __future__ import annotations

SETTLED = ""
"""Owner of what was settled; any other is a process, and its amounts are set aside."""

TABLES = """
CREATE TABLE IF NOT EXISTS amounts (
    counter TEXT NOT NULL,
    slot INTEGER NOT NULL,
    owner TEXT NOT NULL,
    amount INTEGER NOT NULL,
    end_us INTEGER,
    PRIMARY KEY (counter, slot, owner)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS amounts_by_end ON amounts (end_us) WHERE end_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS amounts_by_owner ON amounts (owner) WHERE owner <> '';
CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, expires_us INTEGER NOT NULL) WITHOUT ROWID;
"""

PRAGMAS = ("PRAGMA synchronous = NORMAL", "PRAGMA temp_store = MEMORY")

OWNERS = "SELECT id, expires_us FROM owners"
ADD_OWNER = "INSERT INTO owners (id, expires_us) VALUES (?, ?)"
RENEW_OWNER = "UPDATE owners SET expires_us = ? WHERE id = ?"
REMOVE_OWNER = "DELETE FROM owners WHERE id = ?"
DEAD_OWNERS = "SELECT id FROM owners WHERE expires_us <= ?"
# A clock that was set back leaves leases that end too late: a dead process would hold on to what it had.
SHORTEN = "UPDATE owners SET expires_us = ? WHERE expires_us > ?"

READ = "SELECT slot, owner, amount FROM amounts WHERE counter = ? AND slot >= ?"
# The sum stays far below what 64 bits hold, and above any limit.
ADD = (
    "INSERT INTO amounts (counter, slot, owner, amount, end_us) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (counter, slot, owner) DO UPDATE SET "
    "amount = min(amount + excluded.amount, 400000000000000000)"
)
GIVE_BACK = "UPDATE amounts SET amount = amount - ? WHERE counter = ? AND slot = ? AND owner = ?"
REMOVE_EMPTY = "DELETE FROM amounts WHERE counter = ? AND slot = ? AND owner = ? AND amount <= 0"
REMOVE = "DELETE FROM amounts WHERE counter = ? AND slot = ? AND owner = ?"
REMOVE_OF_OWNER = "DELETE FROM amounts WHERE owner = ?"
REMOVE_OLD = (
    "DELETE FROM amounts WHERE (counter, slot, owner) IN "
    "(SELECT counter, slot, owner FROM amounts WHERE end_us IS NOT NULL AND end_us < ? LIMIT 500)"
)
