"""The tables. Importing this loads SQLAlchemy, so import it where it is used and not at the top.

Times are whole microseconds since 1970 in UTC (``*_at_us``). Lists and objects are JSON in a text column.
What is changed here needs a new file in ``migrations/versions`` and its id at the end of
`hookline.store.revisions.KNOWN`; a test holds both against these tables.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the type says INTEGER; its integers have 64 bits anyway.
_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")

KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("previous_hash", Text),
    Column("previous_until_us", BigInteger),
    Column("parent_id", Text),
    Column("scopes", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("connections", Text, nullable=False),
    Column("caps", Text, nullable=False),
    Column("networks", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("signing", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Index(None, "tenant"),
    Index(None, "parent_id"),
)
"""API keys: a public id and a hash of the secret, never the secret."""

CONNECTIONS = Table(
    "connections",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("base_url", Text),
    Column("allowed_origins", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("credential_ref", Text),
    Column("secret", LargeBinary),
    Column("weight", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("models", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("rotated_at_us", BigInteger),
    Column("is_disabled", Boolean, nullable=False),
)
"""Upstream accounts; ``secret`` is encrypted, and an empty tenant stands for whoever runs the gateway."""

USAGE_ROWS = Table(
    "usage_rows",
    METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("call_id", Text, nullable=False, unique=True),
    Column("parent_id", Text),
    Column("at_us", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("end_user", Text),
    Column("flow", Text),
    Column("action", Text, nullable=False),
    Column("door", Text, nullable=False),
    Column("connection", Text),
    Column("model", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_nano_usd", BigInteger),
    Column("is_estimated", Boolean, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", Text),
    Column("attempts", Integer, nullable=False),
    Column("first_byte_ms", BigInteger),
    Column("total_ms", BigInteger, nullable=False),
    Column("is_stream", Boolean, nullable=False),
    Column("is_internal", Boolean, nullable=False),
    Index(None, "tenant", "at_us"),
    Index(None, "key_id", "at_us"),
    Index(None, "at_us"),
)
"""The ledger: one row per call, without its texts. An unknown cost is NULL, never 0."""

AUDIT_EVENTS = Table(
    "audit_events",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index(None, "at_us"),
)
"""Who changed what; each row holds the hash of the one before it."""

REPLAY_IDS = Table(
    "replay_ids",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("expires_at_us", BigInteger, nullable=False),
    Index(None, "expires_at_us"),
)
"""Ids of signed requests that were seen, so that none is taken twice."""

KEPT_REPLIES = Table(
    "kept_replies",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("is_sent", Boolean, nullable=False),
    Column("lease_until_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("reply", LargeBinary),
    Index(None, "expires_at_us"),
)
"""Replies to requests with an idempotency key; ``id`` is a hash of whose it is, and ``reply`` is sealed."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("connection", Text),
    Column("flow", Text),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("owner", Text),
    Column("is_sent", Boolean, nullable=False),
    Column("is_cancelled", Boolean, nullable=False),
    Column("not_before_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("started_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("parts_done", Integer),
    Column("parts_total", Integer),
    Column("order", LargeBinary),
    Column("reply_status", Integer),
    Column("reply", LargeBinary),
    Column("callback_url", LargeBinary),
    Column("is_told", Boolean, nullable=False),
    Index(None, "tenant", "created_at_us"),
    Index(None, "tenant", "state"),
    Index(None, "state", "owner", "created_at_us"),
    Index(None, "state", "priority", "created_at_us"),
    Index(None, "expires_at_us"),
    Index(
        "ix_jobs_untold",
        "ended_at_us",
        sqlite_where=text("is_told IS 0"),
        postgresql_where=text("is_told IS false"),
    ),
)
"""Calls that run after their answer was given. ``order``, ``reply`` and ``callback_url`` are sealed."""

JOB_WORKERS = Table(
    "job_workers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("started_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
)
"""Processes that run jobs; one that was not seen for a while is dead."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("url", LargeBinary, nullable=False),
    Column("url_shown", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at_us", BigInteger, nullable=False),
    Column("claimed_until_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("history", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index(None, "tenant", "created_at_us"),
    Index(None, "state", "next_at_us"),
    Index(None, "job_id"),
    Index(None, "expires_at_us"),
)
"""Results of jobs, to be posted; ``id`` is their ``webhook-id``, ``url`` and ``payload`` are sealed."""

CALLBACK_SECRETS = Table(
    "callback_secrets",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("retires_at_us", BigInteger),
)
"""What a tenant's callbacks are signed with; two at a time while one takes over from the other."""

OAUTH_GRANTS = Table(
    "oauth_grants",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("connector", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
)
"""Refresh tokens that took the place of stored ones; they are sealed, and ``source`` tells the stored one."""

STORE_STATE = Table(
    "store_state",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the store notes about itself: the end of the audit chain, and that it could be written."""
