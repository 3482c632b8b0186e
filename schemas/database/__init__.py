"""Tools of the database: DDL, migrations and their checks, backfills, releases."""
