"""Alembic's environment: always over a connection that ``idp.infra.migrate`` opened and locked."""

from alembic import context

from idp.infra.database import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run `idp migrate`: it takes the lock that keeps two from migrating at once.")

context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata", Base.metadata),
    transactional_ddl=True,
    transaction_per_migration=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
