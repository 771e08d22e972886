"""Measure `pixelwitness replay` against `mitmdump -n -q -r` on browsing made from the recordings.

    python benchmarks/replay_speed.py [--slice FLOWS] [--ordinary FLOWS] [--dense FLOWS] [--repeat N]
                                      [--folder DIR] [--keep] [--profile] [--write]

mitmdump reads a slice of `--slice` flows and does nothing; Pixelwitness does its whole job (read, decode, fold, score,
store) on files of a quarter, a half and all of `--ordinary` or `--dense` flows, so that it runs long enough to be
measured. They run in turn, `--repeat` times. Of each run the start-up (a run on one flow) is subtracted, and times are
compared by flow. "One core" ties the whole process to one core where the system can. How time grows with size is the
slope of a line through the three sizes, both as logarithms: 1 is even growth.

A quick run is the default. The goals are meant for: --slice 50000 --ordinary 1000000 --dense 100000 --repeat 3 (14 GB).
`--write` puts the result into RESULTS.md and results.svg beside this file; what RESULTS.md says below "What limits it"
is kept.
"""

import argparse
import math
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
PARTS = (4, 2, 1)
"""What parts of a file are measured, too: a quarter, a half, all."""

COLUMNS = (
    "Browsing", "Cores", "Flows", "Events", "File MB", "mitmdump us a flow", "Pixelwitness us a flow", "Ratio",
    "CPU ratio", "Goal", "Flows/s", "Events/s", "Memory MB", "Slope", "Reading",
)  # fmt: skip
NOTES = """Medians, lowest and highest in brackets, start-up subtracted. mitmdump runs without any addon on a slice of
the same browsing; memory is that of all processes together (goal: 250 MB at most). "CPU ratio" compares the computing
time of all cores, which other programs on the machine disturb less. "Slope" tells how time grows with size (1: evenly).
"Reading" is the share of our time that reading the file and doing nothing with it takes."""
REMARKS = "## What limits it"


class Run(NamedTuple):
    """One run: seconds, seconds of all its cores, and the most memory of all its processes together, in MB."""

    seconds: float
    cpu: float
    memory: float


class Timing(NamedTuple):
    """What several runs on one file took, start-up subtracted: seconds, and seconds of all cores."""

    flows: int
    seconds: list[float]
    cpu: list[float]

    def each(self, seconds: float) -> float:
        """Return seconds of the whole as microseconds a flow."""
        return seconds / self.flows * 1e6


class Row(NamedTuple):
    """What was measured for one kind of browsing with one number of cores; of `ours` the largest file comes last."""

    kind: str
    cores: str
    events: int
    size: int
    theirs: Timing
    ours: list[Timing]
    memory: float
    reading: float

    @property
    def whole(self) -> Timing:
        """Return how long the largest file took."""
        return self.ours[-1]

    @property
    def ratio(self) -> float:
        """Return how many times as fast we were, by flow."""
        mine = self.whole.each(statistics.median(self.whole.seconds))
        return self.theirs.each(statistics.median(self.theirs.seconds)) / mine

    @property
    def cpu_ratio(self) -> float:
        """Return how many times less computing we needed: what stays true on a machine that others use, too."""
        mine = self.whole.each(statistics.median(self.whole.cpu))
        return self.theirs.each(statistics.median(self.theirs.cpu)) / mine

    @property
    def slope(self) -> float:
        """Return how time grows with size: the slope of the line through the logarithms of both."""
        sizes = [math.log(timing.flows) for timing in self.ours]
        times = [math.log(max(1e-3, statistics.median(timing.seconds))) for timing in self.ours]
        return statistics.linear_regression(sizes, times).slope


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


def measure(kind: str, slice_flows: int, flows: int, folder: Path, repeat: int) -> list[Row]:
    """Make the files of one kind of browsing and measure them with all cores and with one."""
    one_flow, sliced, database = folder / "one.mitm", folder / "slice.mitm", folder / "speed.db"
    sizes = [flows // part for part in PARTS]
    paths = [folder / f"{kind}-{size}.mitm" for size in sizes]
    say(f"making {flows} flows of {kind} browsing, and parts of them ...")
    write("ordinary", 1, one_flow)
    write(kind, slice_flows, sliced)
    made = [write(kind, size, path) for size, path in zip(sizes, paths, strict=True)]
    cores = {"all cores": None, "one core": 1} if hasattr(os, "sched_setaffinity") else {"all cores": None}
    slow = Timing(slice_flows, [], [])
    fast = {name: [Timing(size, [], []) for size in sizes] for name in cores}
    memory = dict.fromkeys(cores, 0.0)
    reading = min(plain_reading(paths[-1]) for _ in range(2))
    for number in range(repeat):
        start = run(theirs(one_flow))
        whole = run(theirs(sliced))
        slow.seconds.append(whole.seconds - start.seconds)
        slow.cpu.append(whole.cpu - start.cpu)
        for name, count in cores.items():
            jobs = 1 if count == 1 else 0
            start = run(ours(one_flow, database, jobs), cores=count)
            for timing, path in zip(fast[name], paths, strict=True):
                whole = run(ours(path, database, jobs), cores=count)
                timing.seconds.append(whole.seconds - start.seconds)
                timing.cpu.append(whole.cpu - start.cpu)
                memory[name] = max(memory[name], whole.memory)
            mine, other = fast[name][-1], slow.each(slow.seconds[-1])
            say(
                f"  {kind}, {name}, {number + 1}/{repeat}: {mine.seconds[-1]:.2f} s, "
                f"{mine.each(mine.seconds[-1]):.1f} us a flow, mitmdump {other:.0f} us a flow"
            )
    events, size = made[-1].events, paths[-1].stat().st_size
    return [Row(kind, name, events, size, slow, timings, memory[name], reading) for name, timings in fast.items()]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * 2 + "---:|" * (len(COLUMNS) - 2)]
    for row in rows:
        whole, middle = row.whole, statistics.median(row.whole.seconds)
        goal = GOALS.get((row.kind, row.cores))
        lines.append(
            f"| {row.kind} | {row.cores} | {whole.flows:,} | {row.events:,} | {row.size / 1e6:,.0f} "
            f"| {spread(row.theirs, 0)} | {spread(whole, 1)} | {row.ratio:.1f}x | {row.cpu_ratio:.1f}x "
            f"| {f'{goal}x' if goal else '-'} | {whole.flows / middle:,.0f} | {row.events / middle:,.0f} "
            f"| {row.memory:.0f} | {row.slope:.2f} | {100 * row.reading / middle:.1f} % |"
        )
    return "\n".join(lines)


def spread(timing: Timing, digits: int) -> str:
    values = [timing.each(seconds) for seconds in timing.seconds]
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def plot(rows: Sequence[Row]) -> str:
    """Return a picture (SVG): of each ratio a bar, its goal as a line across it; then time over size."""
    widest = max([max(row.ratio, GOALS.get((row.kind, row.cores), 0)) for row in rows], default=1) * 1.1
    parts = []
    for index, row in enumerate(rows):
        top, ratio, goal = 40 + 44 * index, row.ratio, GOALS.get((row.kind, row.cores), 0)
        at = 190 + 480 * goal / widest
        parts.append(
            f'<text x="180" y="{top + 20}" text-anchor="end">{row.kind}, {row.cores}</text>'
            f'<rect x="190" y="{top}" width="{480 * ratio / widest:.1f}" height="28" fill="#2a6f97"/>'
            f'<text x="{196 + 480 * ratio / widest:.1f}" y="{top + 20}">{ratio:.1f}x</text>'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 4}" y2="{top + 32}" stroke="#c1121f" stroke-width="2"/>'
        )
    base = 90 + 44 * len(rows)
    parts.append(f'<text x="20" y="{base}" font-weight="bold">Seconds over flows</text>')
    for index, row in enumerate(rows):
        left, bottom, longest = 40 + 180 * (index % 4), base + 150, statistics.median(row.whole.seconds)
        points = [(0.0, 0.0), *((timing.flows, statistics.median(timing.seconds)) for timing in row.ours)]
        places = [(left + 130 * x / row.whole.flows, bottom - 110 * y / longest) for x, y in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#2a6f97"/>' for x, y in places)
        parts.append(
            f'<path d="M{left} {bottom - 115}V{bottom}H{left + 140}" fill="none" stroke="#888"/>'
            f'<polyline points="{line}" fill="none" stroke="#2a6f97"/>{dots}'
            f'<text x="{left}" y="{bottom + 18}" font-size="12">{row.kind}, {row.cores}</text>'
            f'<text x="{left}" y="{bottom + 34}" font-size="12">{row.whole.flows:,} flows: {longest:.1f} s</text>'
        )
    height = base + 200
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 {height}" font-family="sans-serif" font-size="14">'
        f'<rect width="780" height="{height}" fill="#fff"/>'
        f'<text x="20" y="22" font-weight="bold">How many times as fast as mitmdump, by flow (red: the goal)</text>'
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


def remarks() -> str:
    """Return what RESULTS.md says beside the figures."""
    try:
        text = (HERE / "RESULTS.md").read_text(encoding="utf-8")
    except OSError:
        return ""
    _, mark, said = text.partition(REMARKS)
    return mark + said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slice", type=int, default=2_000, metavar="FLOWS", help="flows that mitmdump reads")
    parser.add_argument("--ordinary", type=int, default=24_000, metavar="FLOWS")
    parser.add_argument("--dense", type=int, default=4_000, metavar="FLOWS")
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--folder", type=Path, help="where files are made; a temporary folder if not given")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    parser.add_argument("--profile", action="store_true", help="also say where the time goes, on the smallest file")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and results.svg")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pixelwitness-speed-", dir=arguments.folder))
    try:
        rows: list[Row] = []
        profiles = []
        for kind, flows in (("ordinary", arguments.ordinary), ("dense", arguments.dense)):
            if not flows:
                continue
            rows += measure(kind, arguments.slice, flows, folder, arguments.repeat)
            made = sorted(folder.glob(f"{kind}-*.mitm"), key=lambda path: path.stat().st_size)
            if arguments.profile:
                profiles.append(f"### Where time goes: {kind} browsing\n\n" + profile(made[0], folder))
            if not arguments.keep:
                for path in made:
                    path.unlink()
        command = "python benchmarks/replay_speed.py " + " ".join(sys.argv[1:])
        text = "\n\n".join(["# How fast a replay is", about(), f"`{command}`", NOTES, table(rows), *profiles])
        print(text)
        if arguments.write:
            whole = [text.rstrip(), "![](results.svg)", remarks().rstrip()]
            (HERE / "RESULTS.md").write_text("\n\n".join(part for part in whole if part) + "\n", encoding="utf-8")
            (HERE / "results.svg").write_text(plot(rows), encoding="utf-8")
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
