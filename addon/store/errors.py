"""What can be wrong with a database, or with what is asked of it."""


class StoreError(Exception):
    """The database cannot be used. The message names the file, what is wrong and what to do."""


class StoreBusyError(StoreError):
    """Another program has kept the database locked for too long; the same may be tried again."""


class SessionNotFoundError(LookupError):
    """There is no session of that name."""


class EventNotFoundError(LookupError):
    """There is no event with that id."""


class MarkNotFoundError(LookupError):
    """There is no mark of that number, or it counts no longer."""
