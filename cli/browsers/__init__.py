"""Isolated browsers: finding one, its throw-away profile, and what it is started with."""
