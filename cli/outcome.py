"""What a command that brought traffic in says at its end, about the session it made."""

from typing import TYPE_CHECKING

from cli.talk import say

if TYPE_CHECKING:
    from addon.store.store import Store


def say_outcome(store: "Store", session: str) -> None:
    """Say in a few sentences what a session holds. Raises NotDerivedError and SessionNotFoundError."""
    from cli import sentences  # noqa: PLC0415 - loaded when needed
    from cli.report import build_report  # noqa: PLC0415
    from cli.summary import summarise  # noqa: PLC0415

    report = build_report(store, store.session(session))
    for _, text in sentences.banners(report):
        say(text)
    say(f"Session {session}: {len(report.events)} events in {len(report.acts)} visitor acts.")
    say(sentences.headline(summarise(report)))
