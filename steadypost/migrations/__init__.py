"""Alembic scripts: how a database comes to the schema this program knows."""
