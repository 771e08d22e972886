"""What an investigator can say and ask at mitmproxy's prompt, or through mitmweb's command interface.

Names have letters and dots only: mitmweb takes no others.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, get_args

from mitmproxy import command, ctx, exceptions, flow, http, types
from mitmproxy.log import ALERT

from addon.consent.timeline import Mark
from addon.recorder import Recorder
from addon.recording import Told
from addon.sites import registrable_domain, site_of
from addon.telling import line
from addon.vocabulary import MarkKind

logger = logging.getLogger("pixelwitness")

CHOICES = ("accepted", "refused")
EVERYWHERE = "everywhere"
BESIDE = types.Path("")
"""No path given: a file named like the session, in the current folder."""


class Recorded(Protocol):
    """What commands need of the addon."""

    @property
    def recorder(self) -> Recorder | None:
        """Return what records at present, or None."""
        ...

    @property
    def known(self) -> Mapping[str, Told]:
        """Return the events that scored highest, by id."""
        ...


class Commands:
    """The commands `pixelwitness.*`."""

    name = "pixelwitness-commands"

    def __init__(self, recorded: Recorded) -> None:
        """Speak for `recorded`."""
        self._recorded = recorded
        self._tasks: set[asyncio.Task[None]] = set()

    @command.command("pixelwitness.kinds")
    def kinds(self) -> Sequence[str]:
        """List what can be stated of a moment."""
        return get_args(MarkKind)

    @command.command("pixelwitness.choices")
    def choices(self) -> Sequence[str]:
        """List the choices on cookies."""
        return CHOICES

    @command.command("pixelwitness.sites")
    def sites(self) -> Sequence[str]:
        """List the sites visited in this session."""
        return [*self._recorder().sites, EVERYWHERE]

    @command.command("pixelwitness.mark")
    @command.argument("kind", type=types.Choice("pixelwitness.kinds"))
    def mark(self, kind: str, site: str = EVERYWHERE, text: str = "") -> None:
        """State what happens at this moment and the traffic does not show: a choice on cookies, a login, a note."""
        self._mark(kind, time.time(), site, text)

    @command.command("pixelwitness.consent")
    @command.argument("choice", type=types.Choice("pixelwitness.choices"))
    def consent(self, choice: str, site: str = EVERYWHERE) -> None:
        """State that cookies were accepted or refused at this moment, on a site or everywhere."""
        self._mark(choice, time.time(), site, "")

    @command.command("pixelwitness.note")
    def note(self, flows: Sequence[flow.Flow], text: str) -> None:
        """Keep a note on flows, each at its time; on @none it is kept for this moment."""
        if not flows:
            self._mark("note", time.time(), EVERYWHERE, text)
        for item in flows:
            if isinstance(item, http.HTTPFlow):
                referer = item.request.headers.get("referer")
                self._mark("note", item.request.timestamp_start, site_of(referer) or EVERYWHERE, text)

    @command.command("pixelwitness.session")
    def session(self, name: str) -> None:
        """Close this session and record into another one from now on."""
        if not name.strip():
            raise exceptions.CommandError("a session needs a name")
        self._recorder().switch(name.strip())

    @command.command("pixelwitness.leaks")
    def leaks(self, score: int = 40) -> Sequence[str]:
        """List the events with at least this score, the highest first."""
        here = [told for told in self._recorded.known.values() if told.session == self._recorder().session]
        found = [told for told in here if told.item.assessment.score >= score]
        found.sort(key=lambda told: (-told.item.assessment.score, told.item.event.occurred_at))
        return [line(told.item, held=told.held) for told in found]

    @command.command("pixelwitness.report")
    def report(self, path: types.Path = BESIDE) -> None:
        """Write the report of this session into a file; its ending says the format, such as .html or .csv."""
        recorder = self._recorder()
        target = Path(path or f"{_file_name(recorder.session)}.html").expanduser().absolute()
        arguments = ("report", recorder.session, "--db", str(ctx.options.pixelwitness_db), "-o", str(target))
        task = asyncio.get_running_loop().create_task(_write_report(arguments, target))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        logger.log(ALERT, "Pixelwitness writes the report of session %s …", recorder.session)

    def _recorder(self) -> Recorder:
        if self._recorded.recorder is None:
            raise exceptions.CommandError("Pixelwitness records nothing at present")
        return self._recorded.recorder

    def _mark(self, kind: str, at: float, site: str, text: str) -> None:
        domain = None if site in {"", EVERYWHERE} else registrable_domain(site.strip().lower())
        mark = Mark.model_validate({"at": at, "kind": kind, "site": domain, "text": text, "by": None})
        self._recorder().mark(mark)
        logger.log(ALERT, "Pixelwitness notes: %s, %s", kind.replace("_", " "), domain or EVERYWHERE)


async def _write_report(arguments: Sequence[str], target: Path) -> None:
    """Run the report command beside the proxy, which goes on meanwhile, and say how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, talk = await process.communicate()
    if process.returncode == 0:
        logger.log(ALERT, "Pixelwitness has written %s", target)
    else:
        logger.error("Pixelwitness could not write %s: %s", target, talk.decode("utf-8", "replace").strip()[-500:])


def _file_name(session: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in session).lstrip(".") or "report"
