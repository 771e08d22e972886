"""How many processes share the work on what is large."""

import os


def processes(jobs: int) -> int:
    """Return `jobs`, or for 0 how many cores this process may use."""
    if jobs:
        return jobs
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        return os.cpu_count() or 1
