"""What is stepped over without being taken apart shows nothing that taking it apart would show."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.io import tnetstring
from mitmproxy.test import tflow

from addon import frames
from addon.frames import FrameReader
from addon.frameshape import split
from addon.glimpses import Runs
from addon.model import CapturedRequest
from addon.observation import Glimpse
from addon.sieve import may_matter
from addon.stride import Passed, Repeats, step_over

START = 1_790_000_000.25


def flow(
    url: str = "https://www.clinic.example/a.png",
    *,
    method: str = "GET",
    cookie: bytes = b"",
    answer: tuple[bytes, bytes] = (b"x", b"y"),
    version: str = "HTTP/2.0",
    content: bytes = b"",
    at: float = 0.0,
) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    lines = [(b"sec-fetch-dest", b"image"), (b"sec-fetch-site", b"same-origin"), (b"cookie", cookie)]
    made.request = http.Request.make(method, url, content, http.Headers(lines))
    made.request.http_version = version
    made.timestamp_created = made.request.timestamp_start = START + at
    made.request.timestamp_end = START + at + 0.25
    made.response = http.Response.make(200, b"GIF", http.Headers([answer]))
    made.response.timestamp_start = made.response.timestamp_end = START + at + 0.5
    return made


def frame(made: http.HTTPFlow) -> bytes:
    return bytes(tnetstring.dumps(made.get_state()))


def stepped(*made: http.HTTPFlow, first: http.HTTPFlow | None = None) -> Passed:
    """Step over flows whose site's run was begun by `first`, or by the first of them."""
    repeats, runs = Repeats(), Runs()
    before = first or made[0]
    shown = repeats.outlines[_lines(frame(before))].shown
    assert shown is not None
    assert list(runs.add(0, START, "clinic.example", shown))
    return step_over(b"".join(map(frame, made)), 0, 0, repeats, runs, bool)


def _lines(written: bytes) -> bytes:
    parts = split(written, 0)
    assert parts is not None
    return parts.lines


def test_pictures_of_a_site_whose_cookies_say_the_same_are_stepped_over() -> None:
    flows = [flow(at=number) for number in range(5)]
    assert stepped(*flows) == Passed(sum(len(frame(made)) for made in flows), 5, START, START + 4, [], None)


@pytest.mark.parametrize(
    "other",
    [
        flow("https://www.clinic.example/tr/?id=1&ev=PageView"),
        flow("https://www.facebook.com/x.png"),
        flow("https://www.clinic.example/my/logout"),
        flow("https://www.clinic.example/?gcs=G100"),
        flow("https://www.clinic.example/a.png", answer=(b"Set-Cookie", b"cookie_consent=accepted")),
        flow(method="POST", content=b'{"fb.pixel_id":"1","event_name":"Lead"}'),
    ],
    ids=["endpoint", "host", "logout", "statement", "answer", "gateway"],
)
def test_what_may_matter_is_not_stepped_over(other: http.HTTPFlow) -> None:
    before = flow()
    passed = stepped(before, other, flow())
    assert passed.seen == 1
    assert passed.position == len(frame(before))
    window = frame(before) + frame(other) + frame(flow())
    tells_by_its_answer = other.response is not None and "set-cookie" in other.response.headers
    assert (None if passed.found is None else passed.found.parts) == (
        None if tells_by_its_answer else split(window, passed.position)
    )


@given(places=st.lists(st.tuples(st.integers(min_value=0), st.sampled_from(list(b"0123456789:;,^}~]x"))), max_size=3))
def test_a_frame_that_is_found_is_taken_apart_as_by_the_usual_way(places: list[tuple[int, int]]) -> None:
    whole = bytearray(frame(flow("https://www.facebook.com/tr?id=1&ev=A", method="POST", content=b"a=b")))
    for place, byte in places:
        whole[place % len(whole)] = byte
    window = bytes(whole) + frame(flow())
    passed = step_over(window, 0, 0, Repeats(), Runs(), bool)
    assert passed.found is not None or places
    if passed.found is not None:
        assert passed.found.parts == split(window, passed.position)


def test_the_last_of_a_run_is_remembered_with_its_place() -> None:
    runs, repeats = Runs(), Repeats()
    shown = repeats.outlines[_lines(frame(flow()))].shown
    assert shown is not None
    assert list(runs.add(7, START, "clinic.example", shown)) == [
        Glimpse(7, START, "clinic.example", shown.told, shown.same_site, shown.gpc)
    ]
    one, two = frame(flow(at=1)), frame(flow(at=2))
    step_over(one + two, 0, 100, repeats, runs, bool)
    assert [(item.position, item.at) for item in runs.end()] == [(100 + len(one), START + 2)]
    assert not list(runs.end())


def test_other_cookies_are_told_and_stepped_over() -> None:
    other = flow(cookie=b"cookie_consent=accepted", at=1)
    passed = stepped(flow(), other, flow(cookie=b"cookie_consent=accepted", at=2))
    assert passed.seen == 3
    assert [(item.at, item.told) for item in passed.glimpses] == [
        (START, ()),
        (START + 1, (("cookie_consent", "accepted"),)),
    ]


class Everything:
    """Stands for `step_over` and steps over nothing."""

    def __call__(self, window: bytes, position: int, *_: Any) -> Passed:
        return Passed(position, 0, None, None, [], None)


def items(path: Path) -> tuple[list[CapturedRequest | Glimpse], int, float | None, float | None, list[Any]]:
    reader = FrameReader(path, path.stat().st_size)
    found = [item for item in reader.relevant() if item is not None]
    return found, reader.seen, reader.first_at, reader.last_at, reader.problems


flows = st.builds(
    flow,
    st.sampled_from(
        [
            "https://www.clinic.example/a.png",
            "https://www.clinic.example/a,b.png",
            "https://cdn.other.example/b.js?x=1",
            "https://www.clinic.example/tr?id=1&ev=A",
            "https://www.facebook.com/tr/?id=1&ev=B",
            "https://www.clinic.example/track/x",
            "https://[::1]/x",
            "http://www.clinic.example:8080/x",
        ]
    ),
    method=st.sampled_from(["GET", "GET", "POST", "get"]),
    cookie=st.sampled_from([b"", b"a=b", b"cookie_consent=accepted", b"cookie_consent=declined"]),
    answer=st.sampled_from([(b"x", b"y"), (b"set-cookie", b"a=b"), (b"SET-COOKIE", b"cookie_consent=declined")]),
    version=st.sampled_from(["HTTP/2.0", "HTTP/2.0", "HTTP/1.1", "HTTP/1.0", "HTTP/3"]),
    content=st.sampled_from([b"", b"", b"x", b"{}"]),
    at=st.floats(0, 9, allow_nan=False),
)


@given(made=st.lists(st.tuples(flows, st.integers(1, 4)), max_size=9))
def test_a_capture_reads_the_same_with_and_without_stepping_over(
    tmp_path_factory: pytest.TempPathFactory, made: Sequence[tuple[http.HTTPFlow, int]]
) -> None:
    path = tmp_path_factory.mktemp("stride") / "visit.mitm"
    path.write_bytes(b"".join(frame(one) * times for one, times in made))
    fast = items(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "step_over", Everything())
        assert items(path) == fast


@given(place=st.integers(min_value=0), byte=st.integers(0, 255))
def test_a_changed_byte_in_what_says_where_a_request_goes_is_not_stepped_over_blindly(place: int, byte: int) -> None:
    """A request whose lengths do not fit is left to mitmproxy's loader."""
    whole = frame(flow("https://www.clinic.example/" + "a" * 30))
    start = whole.index(b"4:path;") + len(b"4:path;")
    stop = whole.index(b"13:timestamp_end;", start)
    at = start + place % (stop - start)
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    repeats, runs = Repeats(), Runs()
    assert step_over(whole, 0, 0, repeats, runs, lambda _: False).seen == 1
    if step_over(changed, 0, 0, repeats, runs, lambda _: False).seen:
        request = tnetstring.loads(changed)["request"]  # mitmproxy reads it, and sees as little in it
        assert not may_matter("GET", request["path"], b"")
