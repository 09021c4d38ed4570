"""What Alembic runs to upgrade: on a connection that is in a transaction already, so all steps or none."""

from alembic import context

from study_admin.migrations import VERSION_TABLE

# SQLite takes changes of tables back like any others, which Alembic doesn't expect of it
context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
