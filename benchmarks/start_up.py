"""How long a command takes before it does anything: medians of processor and wall time of whole processes.

    python benchmarks/start_up.py [RUNS]

Each command is run RUNS times (by default 9) on inputs that hold next to nothing: a table of three rows, and a
capture of one pixel request, both made here. The first run of each is not counted; it fills the cache of rules and
compiles the modules.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow, tutils

RUNS = 9
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Compiled modules are kept, as they are wherever the program is installed."""

PIXEL = (
    "/tr/?id=1000000000000001&ev=PageView&dl=https%3A%2F%2Fwww.example-clinic.example%2Fhiv%2F&rl=&if=false"
    "&ts=1780000000000&sw=1280&sh=720&v=2.9.250&r=stable&ec=0&o=4126&it=1779999999000&coo=false&rqm=GET"
)
TABLE = """url,title_or_button
https://www.example-clinic.example/hiv/,HIV testing
https://www.example-clinic.example/about/,About us
https://www.example-clinic.example/book/,Book an appointment
"""


def one_flow(path: Path) -> Path:
    """Write a capture of one pixel request."""
    request = tutils.treq(
        host="www.facebook.com", authority=b"www.facebook.com", scheme=b"https", port=443, path=PIXEL.encode()
    )
    request.headers["referer"] = "https://www.example-clinic.example/"
    with path.open("wb") as file:
        FlowWriter(file).add(tflow.tflow(req=request, resp=True))
    return path


def times(command: Sequence[str | Path]) -> tuple[float, float]:
    """Return the processor and wall seconds of one run."""
    before, begun = _spent(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return _spent() - before, time.perf_counter() - begun


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    program = Path(sys.executable).with_name("pixelwitness")
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "pages.csv"
        table.write_text(TABLE)
        capture = one_flow(folder / "one.mitm")
        database = folder / "start.db"
        commands: dict[str, list[str | Path]] = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "--help": [program, "--help"],
            "rules score --csv": [program, "rules", "score", "--csv", table, "-o", folder / "scored.csv"],
            "replay of one request": [program, "replay", capture, "--db", database, "--session", "one"],
        }
        print("milliseconds, median:             processor     wall")
        for label, command in commands.items():
            spent: list[float] = []
            passed: list[float] = []
            for run in range(runs + 1):
                database.unlink(missing_ok=True)
                cpu, wall = times(command)
                if run:
                    spent.append(cpu)
                    passed.append(wall)
            print(f"  {label:30} {statistics.median(spent) * 1000:10.0f} {statistics.median(passed) * 1000:8.0f}")


if __name__ == "__main__":
    main()
