"""The command that shows the live page: watch."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import DEFAULT_DATABASE, Database
from cli.talk import put, say


def watch(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION", help="A session's id or its beginning; whatever a proxy records now if not given."
        ),
    ] = None,
    db: Database = DEFAULT_DATABASE,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who states the marks and reviews made on the page.")
    ] = None,
    alert: Annotated[
        int, typer.Option("--alert", min=1, max=100, metavar="N", help="Call out acts with N points or more.")
    ] = 60,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port of the page; any free one if not given.")
    ] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open the page in your default browser.")] = False,
) -> None:
    """Show the live page of a session: what leaves, as it leaves, and keys for what you do.

    The page's address, with its secret token, is printed on standard output. The page can only be opened on this
    computer. It follows the proxy that records into the database, and shows a session without a proxy as it stands.
    Ctrl-C ends it; the proxy goes on.

    Examples:

      pixelwitness watch

      pixelwitness watch visit --by "A. Reporter" --open
    """
    import asyncio  # noqa: PLC0415 - loaded when needed

    try:
        asyncio.run(_serve(session, db, by, alert, port, show=show))
    except OSError as error:
        raise typer.BadParameter(f"--port {port}: {error.strerror or error}; choose another or none") from None


async def _serve(session: str | None, db: Path, by: str | None, alert: int, port: int, *, show: bool) -> None:
    import asyncio  # noqa: PLC0415 - loaded when needed
    import webbrowser  # noqa: PLC0415

    from cli.livepage.server import LivePage  # noqa: PLC0415

    page = LivePage(db, session, by=by, alert=alert, port=port)
    url = await page.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, ended.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
            break
    say("Live page, for this computer only. Whoever has this address can read the session and add marks:")
    put(url)
    sys.stdout.flush()  # whoever reads it in a pipe waits for it
    say("Ctrl-C ends the page; the proxy goes on.")
    if show and not webbrowser.open(url):
        say("No browser could be opened: open the address yourself.")
    waiting = asyncio.create_task(ended.wait())
    serving = asyncio.create_task(page.wait())
    try:
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        waiting.cancel()
        await page.stop()
        serving.cancel()
