"""The live page: what leaves, as it leaves, for the person who is browsing."""
