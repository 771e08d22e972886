"""Readers of consent cookies, one file per platform or family of small ones; each is pure."""
