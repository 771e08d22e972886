"""The database: schema and the only writer of SQL."""
