"""Alembic's entry: runs the revisions on the connection that `notthat.storage.migrate` hands over.

That connection is in a transaction already, with foreign keys off. SQLite can undo changes of tables
as well as of rows, which Alembic doesn't count on unless it is told.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)

with context.begin_transaction():
    context.run_migrations()
