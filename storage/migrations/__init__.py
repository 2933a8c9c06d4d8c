"""The tables' history, run by Alembic from inside the package: see `notthat.storage.migrate`."""
