"""Sample captures with their provenance and their expected results.

Everything here travels in the wheel, so that `pixelwitness demo` has something to show and anyone can
repeat it. Importing this package reads nothing and needs neither mitmproxy nor any other package.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent

RECORDINGS: Path = HERE / "recordings"
"""Folder of the recordings (`*.mitm`), each with what the browser itself said it sent (`*.truth.json`)."""

RECONSTRUCTION: Path = HERE / "reconstruction" / "observer-2023.mitm"
"""The published findings of 2023 as traffic. A reconstruction: nobody recorded it."""

FINDINGS: Path = HERE / "reconstruction" / "findings.toml"
"""What was published, row by row: the source of the reconstruction."""

NAMED_ONLY = "named in the reporting; no particulars published"

SAME_BROWSING_HAR: Path = HERE / "har" / "same-browsing.har"
"""A second witness of `SAME_BROWSING_MITM`, as a browser would have saved it."""

SAME_BROWSING_MITM: Path = RECORDINGS / "06_button_clicks.mitm"

EXPECTED: Path = HERE / "expected.json"
"""What a reader of each capture has to find, by the capture's path below this package."""

DEMO_RECORDINGS: tuple[str, ...] = (
    "01_before_consent",
    "06_button_clicks",
    "07_repeat_prescription_form",
    "11_site_search",
    "23_gateway_openbridge_252",
)


def recordings() -> list[Path]:
    """Return every recording, by name."""
    return sorted(RECORDINGS.glob("*.mitm"))


def truth_of(recording: Path) -> Path:
    """Return the file that says what the browser of `recording` sent."""
    return recording.with_suffix(".truth.json")


def demo_captures() -> list[Path]:
    """Return the captures of the demonstration: the reconstruction first, then the recordings."""
    return [RECONSTRUCTION, *(RECORDINGS / f"{name}.mitm" for name in DEMO_RECORDINGS)]


class PublishedFinding(NamedTuple):
    """One published row that an event of the reconstruction restates."""

    id: str
    trust: str
    host: str
    published: str


def published_findings() -> list[PublishedFinding]:
    """Return the published rows in the order of the events that restate them."""
    table = tomllib.loads(FINDINGS.read_text(encoding="utf-8"))
    found = [
        PublishedFinding(event["id"], trust["name"], trust["host"], event["published"])
        for trust in table["trust"]
        for page in trust["page"]
        for event in [*([page["view"]] if "view" in page else []), *page.get("click", [])]
    ]
    found += [PublishedFinding(row["id"], row["name"], row["host"], NAMED_ONLY) for row in table["named_only"]]
    return sorted(found, key=lambda finding: finding.id)
