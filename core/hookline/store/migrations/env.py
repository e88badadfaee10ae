"""Runs migrations in the transaction that `hookline.store.opening` began."""

from alembic import context

from hookline.store.revisions import TABLE
from hookline.store.tables import METADATA

_connection = context.config.attributes["connection"]
context.configure(
    connection=_connection,
    target_metadata=METADATA,
    version_table=TABLE,
    render_as_batch=_connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
