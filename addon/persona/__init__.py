"""The test person: what was typed, every form it can take, and where it is found in requests."""
