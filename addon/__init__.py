"""Traffic in, events out and kept. Nothing is imported here: a report must not import mitmproxy."""
