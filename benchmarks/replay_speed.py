"""Measure `pixelwitness replay` against `mitmdump -n -q -r` on browsing made from the recordings.

    python benchmarks/replay_speed.py [--ordinary FLOWS] [--dense FLOWS] [--large FLOWS] [--repeat N]
                                      [--folder DIR] [--keep] [--profile] [--write]

Both programs run in turn on the same file, `--repeat` times; the median of each, without its start-up (a run on
one flow), is compared. "One core" ties the whole process to one core where the system can. `--large` also
replays a file of that many ordinary flows, without mitmdump, to see memory and whether time grows evenly. A quick
run is the default; the goals are meant for --ordinary 50000 --dense 50000 --large 1000000 --repeat 3 (14 GB).
`--write` puts the result into RESULTS.md and results.svg beside this file.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.browsing import write

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
GOALS = {
    ("ordinary", "all cores"): 75,
    ("ordinary", "one core"): 60,
    ("dense", "all cores"): 8,
    ("dense", "one core"): 6,
}
COLUMNS = (
    "Browsing", "Cores", "Flows", "Events", "File MB", "mitmdump s", "Pixelwitness s", "Ratio", "CPU ratio", "Goal",
    "Flows/s", "Events/s", "Memory MB", "Reading",
)  # fmt: skip
NOTES = """Medians, lowest and highest in brackets, start-up subtracted. mitmdump runs without any addon; memory is
that of all processes together (goal: 250 MB at most). "CPU ratio" compares the computing time of all cores, which other
programs on the machine disturb less. "Reading" is the share of our time that reading the file and doing nothing with
it takes."""


class Run(NamedTuple):
    """One run: seconds, seconds of all its cores, and the most memory of all its processes together, in MB."""

    seconds: float
    cpu: float
    memory: float


class Row(NamedTuple):
    """What was measured for one file with one number of cores."""

    kind: str
    cores: str
    flows: int
    events: int
    size: int
    theirs: list[float]
    ours: list[float]
    their_cpu: list[float]
    our_cpu: list[float]
    memory: float
    reading: float

    @property
    def cpu_ratio(self) -> float | None:
        """Return how many times less computing we needed: what stays true on a machine that others use, too."""
        return statistics.median(self.their_cpu) / statistics.median(self.our_cpu) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """Return how many times as fast we were."""
        return statistics.median(self.theirs) / statistics.median(self.ours) if self.theirs else None


def memory_of(process: int) -> int:
    """Return the memory of a process and its children in bytes, shared pages divided among them; 0 where unknown."""
    total = 0
    pending = [process]
    while pending:
        one = pending.pop()
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
            pending += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (OSError, ValueError):
            continue
    return total


def run(command: Sequence[str | Path], *, cores: int | None = None) -> Run:
    """Run a program to its end. Raises CalledProcessError where it fails."""
    before: Callable[[], None] | None = None
    if cores is not None:
        before = lambda: os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))  # noqa: E731
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=before)  # noqa: PLW1509
    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            peak = max(peak, memory_of(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    if code:
        raise subprocess.CalledProcessError(code, list(map(str, command)))
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6)


def theirs(path: Path) -> list[str | Path]:
    return [BIN / "mitmdump", "-n", "-q", "-r", path]


def ours(path: Path, database: Path, jobs: int) -> list[str | Path]:
    for old in database.parent.glob(database.name + "*"):
        old.unlink()
    return [BIN / "pixelwitness", "replay", path, "--db", database, "--jobs", str(jobs)]


def plain_reading(path: Path) -> float:
    """Return how many seconds it takes to read a file and do nothing with it."""
    buffer = bytearray(1 << 20)
    start = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def measure(kind: str, flows: int, folder: Path, repeat: int, *, compare: bool = True) -> list[Row]:
    """Make a file and measure it with all cores and with one."""
    path, one_flow, database = folder / f"{kind}.mitm", folder / "one.mitm", folder / "speed.db"
    print(f"making {flows} flows of {kind} browsing ...", file=sys.stderr)
    made = write("dense" if kind == "dense" else "ordinary", flows, path)
    write("ordinary", 1, one_flow)
    size = path.stat().st_size
    cores = {"all cores": None, "one core": 1} if hasattr(os, "sched_setaffinity") else {"all cores": None}
    results: dict[str, list[list[float]]] = {name: [[], [], [], [], []] for name in cores}
    reading = min(plain_reading(path) for _ in range(2))
    for number in range(repeat):
        slow = slow_cpu = 0.0
        if compare:
            slow_start, slow_whole = run(theirs(one_flow)), run(theirs(path))
            slow, slow_cpu = slow_whole.seconds - slow_start.seconds, slow_whole.cpu - slow_start.cpu
        for name, count in cores.items():
            jobs = 1 if count == 1 else 0
            start = run(ours(one_flow, database, jobs), cores=count)
            whole = run(ours(path, database, jobs), cores=count)
            measured = (slow, whole.seconds - start.seconds, slow_cpu, whole.cpu - start.cpu, whole.memory)
            for values, value in zip(results[name], measured, strict=True):
                values.append(value)
            took = whole.seconds - start.seconds
            print(f"  {kind}, {name}, {number + 1}/{repeat}: {took:.2f} s, mitmdump {slow:.2f} s", file=sys.stderr)
    return [
        Row(
            kind,
            name,
            flows,
            made.events,
            size,
            *(found[:4] if compare else [[], found[1], [], found[3]]),
            max(found[4]),
            reading,
        )
        for name, found in results.items()
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "|" + " | ".join(COLUMNS) + "|",
        "|" + "---|" * len(COLUMNS),
    ]
    for row in rows:
        middle = statistics.median(row.ours)
        goal = GOALS.get((row.kind, row.cores))
        ratio = f"{row.ratio:.1f}x" if row.ratio else "-"
        cpu = f"{row.cpu_ratio:.1f}x" if row.cpu_ratio else "-"
        lines.append(
            f"| {row.kind} | {row.cores} | {row.flows:,} | {row.events:,} | {row.size / 1e6:,.0f} "
            f"| {spread(row.theirs)} | {spread(row.ours)} | {ratio} | {cpu} | {f'{goal}x' if goal else '-'} "
            f"| {row.flows / middle:,.0f} | {row.events / middle:,.0f} | {row.memory:.0f} "
            f"| {100 * row.reading / middle:.1f} % |"
        )
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def plot(rows: Sequence[Row]) -> str:
    """Return the ratios as a picture (SVG): one bar each, its goal as a line across it."""
    compared = [row for row in rows if row.ratio]
    widest = max([max(row.ratio or 0, GOALS.get((row.kind, row.cores), 0)) for row in compared], default=1) * 1.1
    parts = []
    for index, row in enumerate(compared):
        top, ratio, goal = 40 + 44 * index, row.ratio or 0, GOALS.get((row.kind, row.cores), 0)
        at = 190 + 480 * goal / widest
        parts.append(
            f'<text x="180" y="{top + 20}" text-anchor="end">{row.kind}, {row.cores}</text>'
            f'<rect x="190" y="{top}" width="{480 * ratio / widest:.1f}" height="28" fill="#2a6f97"/>'
            f'<text x="{196 + 480 * ratio / widest:.1f}" y="{top + 20}">{ratio:.1f}x</text>'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 4}" y2="{top + 32}" stroke="#c1121f" stroke-width="2"/>'
        )
    height = 60 + 44 * len(compared)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" font-family="sans-serif" font-size="14">'
        f'<rect width="760" height="{height}" fill="#fff"/>'
        f'<text x="20" y="22" font-weight="bold">How many times as fast as mitmdump (red: the goal)</text>'
        f"{''.join(parts)}</svg>\n"
    )


def profile(path: Path, folder: Path) -> str:
    """Return where the time of a replay in one process goes, by module."""
    code = (
        "import cProfile, pstats, sys, collections\n"
        "from pathlib import Path\n"
        "from addon.replay import replay\n"
        "from addon.store.store import Store\n"
        "from rules.engine import Matcher\n"
        "from rules.loader import load_rules\n"
        "matcher = Matcher(load_rules())\n"
        "profiler = cProfile.Profile()\n"
        "with Store(Path(sys.argv[2])) as store:\n"
        "    profiler.enable(); replay(store, matcher, None, [Path(sys.argv[1])]); profiler.disable()\n"
        "spent = collections.Counter()\n"
        "for (file, _, name), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():\n"
        "    place = Path(file)\n"
        "    spent['/'.join(place.parts[-2:]) if place.suffix == '.py' else name] += own\n"
        "whole = sum(spent.values())\n"
        "for place, own in spent.most_common(20): print(f'| {place} | {100 * own / whole:.1f} % |')\n"
    )
    database = folder / "profile.db"
    done = subprocess.run(
        [sys.executable, "-c", code, path, database], cwd=HERE.parent, check=True, capture_output=True, text=True
    )
    return "| Where (own time, under the profiler) | Share |\n|---|---:|\n" + done.stdout


def about() -> str:
    """Return the machine, the versions and the date."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()}, {model}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} at the end, Python {platform.python_version()}, "
        f"mitmproxy {version('mitmproxy')}, Pixelwitness {version('pixelwitness')}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ordinary", type=int, default=6_000, metavar="FLOWS")
    parser.add_argument("--dense", type=int, default=2_000, metavar="FLOWS")
    parser.add_argument("--large", type=int, default=0, metavar="FLOWS")
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--folder", type=Path, help="where files are made; a temporary folder if not given")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    parser.add_argument("--profile", action="store_true", help="also say where the time goes")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and results.svg")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pixelwitness-speed-", dir=arguments.folder))
    try:
        rows: list[Row] = []
        profiles = []
        for kind, flows in (("ordinary", arguments.ordinary), ("dense", arguments.dense)):
            if flows:
                rows += measure(kind, flows, folder, arguments.repeat)
                if arguments.profile:
                    profiles.append(
                        f"### Where time goes: {kind} browsing\n\n" + profile(folder / f"{kind}.mitm", folder)
                    )
                if not arguments.keep:
                    (folder / f"{kind}.mitm").unlink()
        if arguments.large:
            rows += measure("large", arguments.large, folder, 1, compare=False)
        text = "\n\n".join(
            [
                "# How fast a replay is",
                about(),
                NOTES,
                table(rows),
                *profiles,
            ]
        )
        print(text)
        if arguments.write:
            (HERE / "RESULTS.md").write_text(text + "\n\n![](results.svg)\n", encoding="utf-8")
            (HERE / "results.svg").write_text(plot(rows), encoding="utf-8")
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
