"""Measure `pixelwitness replay` of a HAR against `mitmdump -n -q -r` of the same file, and the memory it takes.

    python benchmarks/har_speed.py [--ordinary ENTRIES] [--dense ENTRIES] [--repeat N] [--folder DIR] [--keep]

The browsing is that of `browsing.py`, saved as a browser's developer tools save it: indented by two spaces, with the
bodies of all answers, text as text and everything else in base64. Both programs run in turn on the same file,
`--repeat` times, each tied to one core where the system can; the medians, without the start-up (a run on one entry),
are compared. The default, 20,000 ordinary entries, makes a file of about 400 MB.
"""

import argparse
import base64
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mitmproxy import http
from mitmproxy.io import FlowReader

from benchmarks.browsing import write
from benchmarks.replay_speed import about, ours, run, theirs
from captures.har.build import har_entry

GOAL_MEMORY = 60.0
"""How many MB more than a HAR of one entry the largest one may take."""

COLUMNS = (
    "Browsing", "Entries", "Events", "File MB", "mitmdump s", "Pixelwitness s", "Ratio", "us/entry", "Memory MB",
    "mitmdump's",
)  # fmt: skip


class Row(NamedTuple):
    """What was measured for one file: seconds without start-up, and megabytes."""

    kind: str
    entries: int
    events: int
    size: int
    theirs: list[float]
    ours: list[float]
    memory: float
    their_memory: float
    base: float


def entries_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the flows of a capture as a HAR has them, with the bodies of their answers."""
    with path.open("rb") as file:
        for flow in FlowReader(file).stream():
            if isinstance(flow, http.HTTPFlow):
                entry = har_entry(flow, "page_1")
                content = flow.response.raw_content if flow.response else None
                if content:
                    kept = entry["response"]["content"]
                    try:
                        kept["text"] = content.decode("utf-8")
                    except UnicodeDecodeError:
                        kept |= {"text": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
                yield entry


def write_har(kind: str, entries: int, path: Path) -> int:
    """Write a HAR of so many entries; return how many of them are requests to the pixel."""
    flows = path.with_suffix(".mitm")
    made = write(kind, entries, flows)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{\n  "log": {\n    "version": "1.2",\n    "creator": {"name": "benchmarks", "version": "1"},\n')
        file.write('    "pages": [],\n    "entries": [')
        for number, entry in enumerate(entries_of(flows)):
            text = json.dumps(entry, ensure_ascii=False, indent=2).replace("\n", "\n      ")
            file.write((",\n      " if number else "\n      ") + text)
        file.write("\n    ]\n  }\n}\n")
    flows.unlink()
    return made.events


def measure(kind: str, entries: int, folder: Path, repeat: int) -> Row:
    """Make a file and measure it."""
    path, one, database = folder / f"{kind}.har", folder / "one.har", folder / "speed.db"
    print(f"making {entries} entries of {kind} browsing ...", file=sys.stderr)
    events = write_har(kind, entries, path)
    write_har("ordinary", 1, one)
    found: tuple[list[float], list[float]] = ([], [])
    memory = their_memory = base = 0.0
    for number in range(repeat):
        slow_start, slow = run(theirs(one), cores=1), run(theirs(path), cores=1)
        start = run(ours(one, database, 1), cores=1)
        whole = run(ours(path, database, 1), cores=1)
        found[0].append(slow.seconds - slow_start.seconds)
        found[1].append(whole.seconds - start.seconds)
        memory, their_memory = max(memory, whole.memory), max(their_memory, slow.memory)
        base = max(base, start.memory)
        print(f"  {kind}, {number + 1}/{repeat}: {found[1][-1]:.2f} s, mitmdump {found[0][-1]:.2f} s", file=sys.stderr)
    return Row(kind, entries, events, path.stat().st_size, *found, memory, their_memory, base)


def table(rows: list[Row]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "|" + " | ".join(COLUMNS) + "|",
        "|" + "---|" * len(COLUMNS),
    ]
    for row in rows:
        slow, fast = statistics.median(row.theirs), statistics.median(row.ours)
        lines.append(
            f"| {row.kind} | {row.entries:,} | {row.events:,} | {row.size / 1e6:,.0f} | {spread(row.theirs)} "
            f"| {spread(row.ours)} | {slow / fast:.1f}x | {fast / row.entries * 1e6:.0f} "
            f"| {row.memory:.0f} ({row.base:.0f} for one entry) | {row.their_memory:.0f} |"
        )
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ordinary", type=int, default=20_000, metavar="ENTRIES")
    parser.add_argument("--dense", type=int, default=2_000, metavar="ENTRIES")
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    parser.add_argument("--folder", type=Path, help="where files are made; a temporary folder if not given")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pixelwitness-har-", dir=arguments.folder))
    try:
        rows = []
        for kind, entries in (("ordinary", arguments.ordinary), ("dense", arguments.dense)):
            if entries:
                rows.append(measure(kind, entries, folder, arguments.repeat))
                if not arguments.keep:
                    (folder / f"{kind}.har").unlink()
        print(f"# How fast a HAR is read\n\n{about()}\n\n{table(rows)}")
        if any(row.memory - row.base > GOAL_MEMORY for row in rows):
            print(f"\nmemory grew by more than {GOAL_MEMORY:.0f} MB")
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
