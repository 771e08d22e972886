"""Requests of real sites, which lie beside the project and are not part of it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from addon.audit import AssessedEvent, Derivation, Observations
from addon.decoders.meta.dictionary import lookup
from addon.decoders.meta.hidden_page import fingerprint
from addon.derivation import derive
from addon.model import CapturedRequest
from addon.observation import Observer
from addon.replay import replay
from addon.store.store import Store
from captures.expectations import multipart
from rules.engine import Matcher

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "real"
PUBLISHED = REAL / "published_requests.jsonl"
SANDBOX = "/privacy_sandbox/pixel/register/trigger"

Row = dict[str, Any]


def hars() -> Iterator[Any]:
    found = sorted(REAL.glob("har/*.har")) if REAL.is_dir() else []
    yield from (pytest.param(path, id=path.stem) for path in found)
    if not found:
        yield pytest.param(None, marks=pytest.mark.skip(reason=f"{REAL / 'har'} is not present"))


def rows(*, events: bool) -> Iterator[Any]:
    if not PUBLISHED.is_file():
        yield pytest.param(None, marks=pytest.mark.skip(reason=f"{PUBLISHED} is not present"))
        return
    for line in PUBLISHED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if (row["kind"] in {"config", "cookie-sync"}) != events:
            yield pytest.param(row, id=f"{row['n']}-{row['kind']}")


def told_events(har: Path) -> Counter[tuple[str, ...]]:
    """Count the requests that carry an event by the client's own key, read in the plainest way."""
    found: Counter[tuple[str, ...]] = Counter()
    for entry in json.loads(har.read_text(encoding="utf-8-sig"))["log"]["entries"]:
        url = urlsplit(entry["request"]["url"])
        if url.hostname != "www.facebook.com" or url.path.rstrip("/") not in {"/tr", SANDBOX}:
            continue
        post = entry["request"].get("postData") or {}
        values = dict(parse_qsl(url.query, keep_blank_values=True))
        text, kind = post.get("text") or "", post.get("mimeType") or ""
        if kind.startswith("multipart/"):
            values |= multipart(text.encode(), kind)
        else:
            values |= dict(parse_qsl(text, keep_blank_values=True))
        found[values["id"], values["ev"], values.get("ts", ""), values.get("ec", ""), values.get("it", "")] += 1
    return found


@pytest.mark.parametrize("har", list(hars()))
def test_every_event_of_a_real_session_is_counted_once(har: Path, tmp_path: Path, judge: Matcher) -> None:
    told = told_events(har)
    with Store(tmp_path / "har.db") as store:
        session, (source,) = replay(store, judge, None, [har])
        derivation = store.derivation(session)
    assert derivation is not None
    assert source.complete
    assert not source.problems
    assert derivation.failed == 0
    keys = Counter(
        (
            item.event.pixel_id,
            item.event.event_name,
            "" if item.event.client_time is None else str(round(item.event.client_time * 1000)),
            item.event.hits[0].counter or "",
            item.event.hits[0].init_time or "",
        )
        for item in derivation.events
    )
    assert set(keys) == set(told)
    assert all(count == 1 for count in keys.values())
    assert sum(len(item.event.hits) for item in derivation.events) == sum(told.values())


@pytest.mark.parametrize("har", list(hars()))
def test_a_har_says_nothing_of_the_client_address(har: Path, tmp_path: Path, judge: Matcher) -> None:
    with Store(tmp_path / "har.db") as store:
        session, _ = replay(store, judge, None, [har])
        requests = store.observed_requests(session)
    assert all(item.request.client_ip is None for item in requests.values())


def derivation_of(row: Row, judge: Matcher) -> Derivation:
    headers = [("content-type", row["content_type"])] if row["content_type"] else []
    observer = Observer("har-published")
    observer.observe(
        CapturedRequest(
            source_kind="har",
            position=0,
            method=row["method"],
            url=row["url"],
            http_version="HTTP/2.0",
            headers=tuple(headers),
            body=(row["body"] or "").encode(),
            started_at=1_790_000_000.0,
        )
    )
    return derive(Observations(requests=tuple(observer.requests)), judge)


def values_of(item: AssessedEvent, name: str) -> list[str]:
    return [param.value for param in item.event.parameters if param.name == name]


def custom_value(item: AssessedEvent, name: str) -> str:
    (value,) = values_of(item, f"cd[{name}]")
    return value


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("row", list(rows(events=True)))
def test_a_published_request_is_decoded(row: Row, judge: Matcher) -> None:
    expect = row["expect"]
    derivation = derivation_of(row, judge)
    assert derivation.problems == ()
    assert len(derivation.events) == expect.get("batch", 1)
    item = derivation.events[0]
    for name, wanted in expect.items():
        match name:
            case "ev":
                assert item.event.event_name == wanted
            case "id":
                assert item.event.pixel_id == wanted
            case "cd":
                assert {key: custom_value(item, key) for key in wanted} == wanted
            case "json_keys":
                assert all(is_json(values_of(item, key)[0]) for key in wanted)
            case "not_json":
                assert not any(is_json(values_of(item, key)[0]) for key in wanted)
            case "repeat":
                assert {key: values_of(item, key) for key in wanted} == wanted
            case "pm":
                assert values_of(item, "pm") == ["1"]
            case "hrl":
                assert values_of(item, "hrl") == [fingerprint(wanted, item.event.pixel_id, item.event.event_name)]
            case "junk_ud":
                assert [one.form for one in item.event.identifiers if one.source == "ud"] == ["empty"] * wanted
                assert item.event.linkability not in {"contact", "account"}
            case "ldu":
                assert "LDU" in values_of(item, "dpo")
            case "filtered":
                assert wanted == "cd"
                meanings = {param.name: lookup(param.name) for param in item.event.parameters}
                filters = {
                    key for key, meaning in meanings.items() if meaning is not None and meaning.group == "filter"
                }
                assert filters == {"up", "rp"}
            case "batch":
                assert {event.event.hits[0].transport for event in derivation.events} == {"batch"}
                assert {event.event.hits[0].index for event in derivation.events} == set(range(wanted))
            case _:
                pytest.fail(f"the test does not know what {name!r} expects")


@pytest.mark.parametrize("row", list(rows(events=True)))
def test_no_parameter_of_a_published_request_is_lost(row: Row, judge: Matcher) -> None:
    if row["kind"] == "gateway" or row["kind"] == "batch":
        pytest.skip("its parameters stand in an envelope")
    (item,) = derivation_of(row, judge).events
    wanted = Counter(name for name, _ in parse_qsl(urlsplit(row["url"]).query, keep_blank_values=True))
    found = Counter(param.name for param in item.event.parameters if param.context == "query")
    assert found == wanted


@pytest.mark.parametrize("row", list(rows(events=False)))
def test_what_is_no_event_is_none(row: Row, judge: Matcher) -> None:
    derivation = derivation_of(row, judge)
    assert derivation.events == ()
    assert derivation.decoded == derivation.failed == 0


def test_nothing_of_the_shared_folder_is_in_the_project() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not present")
    project = Path(__file__).resolve().parents[2]
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for path in [*REAL.glob("har/*"), PUBLISHED, *REAL.parent.glob("labels/*"), *REAL.parent.glob("vocab/*.tsv")]
    }
    copies = [
        path
        for folder in ("addon", "rules", "cli", "tests", "captures", "docs", "benchmarks")
        for path in (project / folder).rglob("*")
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() in digests
    ]
    assert copies == []
