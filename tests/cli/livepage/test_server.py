"""The server of the live page: who may talk to it, what it tells, what it keeps."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from addon.replay import replay
from addon.store.store import SessionNotFoundError, Store, StoreError
from cli.livepage import server
from cli.livepage.guard import MAX_BODY
from cli.livepage.server import LivePage

ASKING = {"X-Pixelwitness": "page"}


@pytest.fixture
def db(tmp_path: Path, clinic, judge) -> Path:
    """Return a database with one session and a proxy that records into it."""
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        replay(store, judge, "visit", [clinic.save(tmp_path / "visit.mitm")])
    return path


OPENED: list[WebSocketClientConnection] = []


def run(work: Callable[[], Any]) -> None:
    async def alone() -> None:
        try:
            await asyncio.wait_for(work(), 120)
        finally:
            while OPENED:
                OPENED[-1].close()
                await to_its_end(OPENED[-1])
            AsyncHTTPClient().close()

    asyncio.run(alone())


def address(page: LivePage, path: str = "/") -> str:
    return f"http://127.0.0.1:{page.access.port}{path}"


async def fetch(page: LivePage, path: str = "/", method: str = "GET", body: Any = None, **headers: str) -> HTTPResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "POST":
        given = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{page.access.port}"} | given
        body = json.dumps(body) if not isinstance(body, bytes) else body
    given = {name: value for name, value in given.items() if value}
    return await AsyncHTTPClient().fetch(
        address(page, path), method=method, body=body, headers=given, raise_error=False, follow_redirects=False
    )


async def enter(page: LivePage) -> dict[str, str]:
    """Exchange the token for the cookie; return the headers of a page that did."""
    answer = await fetch(page, "/enter", "POST", {"token": page.url.partition("#")[2]}, **ASKING)
    assert answer.code == 200, answer.body
    return {**ASKING, "Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def socket(page: LivePage, epoch: str = "", sequence: int = -1, **headers: str) -> WebSocketClientConnection:
    given = {"Origin": f"http://127.0.0.1:{page.access.port}"} | await enter(page) | headers
    given = {name: value for name, value in given.items() if value}
    connection = await websocket_connect(HTTPRequest(address(page, "/live").replace("http", "ws"), headers=given))
    OPENED.append(connection)
    await connection.write_message(json.dumps({"epoch": epoch, "sequence": sequence}))
    return connection


async def to_its_end(connection: WebSocketClientConnection) -> None:
    """Read until the connection is closed."""
    while await connection.read_message() is not None:
        pass
    connection.close()
    OPENED.remove(connection)


async def heard(connection: WebSocketClientConnection) -> dict[str, Any]:
    text = await connection.read_message()
    assert text is not None, f"closed: {connection.close_reason}"
    return dict(json.loads(text))


async def whole(page: LivePage) -> tuple[WebSocketClientConnection, dict[str, Any]]:
    """Return a connection and what it told of the session, once everything was read."""
    connection = await socket(page)
    assert (await heard(connection))["type"] == "hello"
    message = await heard(connection)
    acts = {act["id"]: act for act in message["acts"]}
    while not acts or message["counts"]["total"]["events"] < 5:
        message |= await heard(connection)
        acts |= {act["id"]: act for act in message["acts"]}
    return connection, message | {"acts": list(acts.values())}


def test_it_listens_on_loopback_alone_and_the_token_stands_in_the_fragment(db, served):
    async def check():
        async with served(db, "visit") as page:
            sockets = page._server._sockets.values()
            assert {found.getsockname()[0] for found in sockets} == {"127.0.0.1"}
            base, _, token = page.url.partition("#")
            assert base == address(page)
            assert len(token) >= 40
            async with served(db, "visit") as other:
                assert other.url.partition("#")[2] != token

    run(check)


def test_the_pages_own_files_forbid_everything_from_outside(db, served):
    async def check():
        async with served(db, "visit") as page:
            for path in ("/", *(f"/static/{name}" for name in server._files())):
                answer = await fetch(page, path)
                assert answer.code == 200, path
                headers = answer.headers
                assert headers["Content-Security-Policy"] == (
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                )
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["Referrer-Policy"] == "no-referrer"
                assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert headers["Cache-Control"] == "no-store"
                assert not [name for name in headers if name.lower().startswith("access-control")]
                assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"")
                assert b"https://" not in answer.body
                assert b"innerHTML" not in answer.body

    run(check)


@pytest.mark.parametrize(
    "path", ["/static/..%2fserver.py", "/static/../server.py", "/static/nothing.js", "/etc", "/enter"]
)
def test_nothing_else_is_served(db, served, path):
    async def check():
        async with served(db, "visit") as page:
            answer = await fetch(page, path)
            assert answer.code in {404, 403, 405}
            assert "Content-Security-Policy" in answer.headers
            assert b"Traceback" not in answer.body

    run(check)


READS = ("/acts?before=9", "/act/a1", "/report")
CHANGES = ("/marks", "/reviews", "/sessions")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:{port}", "evil.example:{port}"]
)
def test_no_other_host_name_is_served(db, served, host):
    async def check():
        async with served(db, "visit") as page:
            known = await enter(page)
            given = host.format(port=page.access.port)
            for path in ("/", "/static/main.js", *READS):
                assert (await fetch(page, path, **known, Host=given)).code == 403, path
            for path in (*CHANGES, "/enter"):
                assert (await fetch(page, path, "POST", {}, **known, Host=given)).code == 403, path
            with pytest.raises(HTTPClientError, match="403"):
                await socket(page, Host=given, Origin=f"http://{given}")

    run(check)


def test_localhost_serves_too(db, served):
    async def check():
        async with served(db, "visit") as page:
            known = await enter(page)
            host = f"localhost:{page.access.port}"
            assert (await fetch(page, "/acts?before=9", **known, Host=host)).code == 200

    run(check)


@pytest.mark.parametrize("foreign", [
    {"Origin": "https://www.trust.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_no_other_site_gets_an_answer_even_with_the_cookie(db, served, foreign):
    async def check():
        async with served(db, "visit") as page:
            known = await enter(page) | foreign
            for path in ("/", "/static/main.js", *READS):
                assert (await fetch(page, path, **known)).code == 403, path
            for path in CHANGES:
                assert (await fetch(page, path, "POST", {}, **known)).code == 403, path
            with pytest.raises(HTTPClientError, match="403"):
                await socket(page, **foreign)

    run(check)


def test_without_the_cookie_nothing_is_read_or_changed(db, served):
    async def check():
        async with served(db, "visit") as page:
            wrong = {**ASKING, "Cookie": f"{page.access.cookie_name}=guess"}
            for known in (ASKING, wrong):
                for path in READS:
                    assert (await fetch(page, path, **known)).code == 403, path
                for path in CHANGES:
                    assert (await fetch(page, path, "POST", {}, **known)).code == 403, path
                with pytest.raises(HTTPClientError, match="403"):
                    await socket(page, Cookie=known.get("Cookie", ""))
            for token in ("guess", "", None, 7, "x" * 500):
                answer = await fetch(page, "/enter", "POST", {"token": token}, **ASKING)
                assert answer.code == 403
                assert "Set-Cookie" not in answer.headers

    run(check)


def test_the_cookie_is_for_this_page_alone(db, served):
    async def check():
        async with served(db, "visit") as page:
            answer = await fetch(page, "/enter", "POST", {"token": page.url.partition("#")[2]}, **ASKING)
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert "Domain" not in cookie
            assert page.url.partition("#")[2] not in cookie

    run(check)


def test_a_change_needs_header_origin_and_json(db, served, beat):
    async def check():
        with Store(db) as store:
            beat(store, "visit")
            async with served(db, "visit") as page:
                await whole(page)
                known = await enter(page)
                note = {"kind": "note", "site": None, "text": "a note", "ago": 0}
                assert (await fetch(page, "/marks", "POST", note, Cookie=known["Cookie"])).code == 403
                assert (await fetch(page, "/marks", "POST", note, **known, Origin="")).code == 403
                form = {**known, "Content-Type": "application/x-www-form-urlencoded"}
                assert (await fetch(page, "/marks", "POST", b"kind=note", **form)).code == 400
                assert (await fetch(page, "/marks", "POST", b"[1]", **known)).code == 400
                assert (await fetch(page, "/marks", "POST", b"[" * 9000, **known)).code == 400
                for path in CHANGES:
                    assert (await fetch(page, path, **known)).code == 405, "no change by GET"
                assert store.marks("visit") == ()
                assert (await fetch(page, "/marks", "POST", note, **known)).code == 200
                assert [mark.text for mark in store.marks("visit")] == ["a note"]

    run(check)


def test_sizes_are_limited(db, served):
    async def check():
        async with served(db, "visit") as page:
            known = await enter(page)
            try:
                answer = await fetch(page, "/marks", "POST", {"text": "x" * (MAX_BODY + 1)}, **known)
                assert answer.code in {400, 413}
            except (HTTPClientError, OSError):
                pass  # the connection was cut while the body was being sent
            connection = await socket(page)
            await heard(connection)
            await connection.write_message("x" * (server.MAX_MESSAGE + 1))
            await to_its_end(connection)
            assert connection.close_code == 1009

    run(check)


@pytest.mark.parametrize("message", ["{", "[]", '"x"', '{"epoch": 1, "sequence": 2}', '{"epoch": "a"}', "[" * 3000])
def test_a_message_that_is_not_understood_ends_the_connection(db, served, message):
    async def check():
        async with served(db, "visit") as page:
            connection = await socket(page)
            await heard(connection)
            await connection.write_message(message)
            await to_its_end(connection)
            assert connection.close_code == 1008
            while page.tabs_open:  # noqa: ASYNC110 - the server hears of it in its own time
                await asyncio.sleep(0.01)

    run(check)


def test_a_tab_hears_everything_then_only_what_is_new(db, served, judge, clinic, tmp_path):
    async def check():
        async with served(db, "visit") as page:
            connection, message = await whole(page)
            titles = [act["title"] for act in sorted(message["acts"], key=lambda act: act["at"])]
            assert "“Book a zorbitis test”" in titles
            assert message["counts"]["total"]["counted"] == 3
            assert message["counts"]["topics"][0]["name"] == "Zorbitis"
            marked = {
                text
                for act in message["acts"]
                for quote in act["quotes"]
                for text, is_marked in quote["segments"]
                if is_marked
            }
            assert "zorbitis" in {text.lower() for text in marked}
            clinic.pixel("ViewContent", "/zorbitis/again/", more={"pmd[title]": "Zorbitis again"})
            begun = time.monotonic()
            with Store(db) as store:
                replay(store, judge, "visit", [clinic.save(tmp_path / "longer.mitm")])
            news = await heard(connection)
            while not any(act["title"] == "Zorbitis again" for act in news["acts"]):
                news = await heard(connection)
            assert time.monotonic() - begun < 30
            assert news["type"] == "news"
            # a reload says where it was and hears what it lacks
            again = await socket(page, news["epoch"], news["sequence"] - 1)
            await heard(again)
            caught_up = await heard(again)
            assert caught_up["type"] == "news"
            assert caught_up["sequence"] >= news["sequence"]
            # one that knows another program's numbers gets everything
            other = await socket(page, "another", 3)
            await heard(other)
            assert (await heard(other))["type"] == "whole"

    run(check)


def test_older_acts_come_on_request(db, served):
    async def check():
        async with served(db, "visit") as page:
            _, message = await whole(page)
            known = await enter(page)
            newest = max(act["at"] for act in message["acts"])
            answer = json.loads((await fetch(page, f"/acts?before={newest}", **known)).body)
            moments = [act["at"] for act in answer["acts"]]
            assert moments == sorted((act["at"] for act in message["acts"] if act["at"] < newest), reverse=True)

    run(check)


def test_an_act_in_full_holds_ledger_requests_and_every_parameter(db, served):
    async def check():
        async with served(db, "visit") as page:
            _, message = await whole(page)
            known = await enter(page)
            click = next(act for act in message["acts"] if act["kind"] == "Click")
            answer = await fetch(page, f"/act/{click['id']}", **known)
            detail = json.loads(answer.body)
            titles = {table["title"]: table for table in detail["events"][0]["tables"]}
            assert {"How the score came about", "Words that scored", "Requests that carried it", "Identifiers",
                    "Every parameter, decoded"} <= set(titles)  # fmt: skip
            assert titles["How the score came about"]["rows"][-1][2][0] == str(click["severity"]["score"])
            assert "made this browser send this to www.facebook.com" in detail["sent"]
            assert b"100000000000007" not in answer.body, "identifiers are shortened"
            assert (await fetch(page, "/act/a0", **known)).code == 404

    run(check)


def test_the_report_opens_from_the_page(db, served):
    async def check():
        async with served(db, "visit") as page:
            await whole(page)
            answer = await fetch(page, "/report", Cookie=(await enter(page))["Cookie"])
            assert answer.code == 200
            assert b"<!doctype html>" in answer.body.lower()
            assert "script-src" not in answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    run(check)


def test_a_review_shows_on_every_tab(db, served):
    async def check():
        async with served(db, "visit", by="R. Reviewer") as page:
            connection, message = await whole(page)
            known = await enter(page)
            click = next(act for act in message["acts"] if act["kind"] == "Click")
            body = {"events": click["judged"], "decision": "dismiss", "reason": ""}
            refused = await fetch(page, "/reviews", "POST", body, **known)
            assert refused.code == 400
            assert "reason" in json.loads(refused.body)["error"]
            body["reason"] = "100 % invented"
            assert (await fetch(page, "/reviews", "POST", body, **known)).code == 200
            news = await heard(connection)
            while click["id"] not in {act["id"] for act in news["acts"]}:
                news = await heard(connection)
            (changed,) = [act for act in news["acts"] if act["id"] == click["id"]]
            assert changed["standing"] == "dismissed"
            with Store(db) as store:
                (row,) = store.reviews("visit").values()
            assert (row.state, row.reason, row.by) == ("dismissed", "100 % invented", "R. Reviewer")
            for wrong in ({**body, "events": ["e0"]}, {**body, "events": []}, {**body, "events": [1]},
                          {**body, "decision": "x"}, {**body, "reason": "x" * 3000}):  # fmt: skip
                assert (await fetch(page, "/reviews", "POST", wrong, **known)).code in {400, 404}

    run(check)


def test_marks_land_in_the_session_being_recorded_and_on_the_right_events(db, served, beat, new_visit, judge, tmp_path):
    visit = new_visit()
    visit.clock = time.time() - 120
    visit.page("/zorbitis/", title="Zorbitis", asks=True)
    visit.pixel("PageView", "/zorbitis/")
    visit.clock = time.time() - 20
    visit.pixel("PageView", "/zorbitis/later/")

    async def check():
        with Store(db) as store:
            replay(store, judge, "now", [visit.save(tmp_path / "now.mitm")])
            beat(store, "now")
            async with served(db) as page:
                connection = await socket(page)
                known = await enter(page)
                acts: dict[str, Any] = {}
                while len(acts) < 2:
                    acts |= {act["id"]: act for act in (await heard(connection)).get("acts", ())}
                mark = {"kind": "refused", "site": "www.example-clinic.example", "text": "", "ago": 60}
                assert (await fetch(page, "/marks", "POST", mark, **known)).code == 200
                told: dict[str, Any] = {}
                while not told.get("marks"):
                    told = await heard(connection)
                    acts |= {act["id"]: act for act in told["acts"]}
                while not any(act["consent"]["state"] == "refused" for act in acts.values()):
                    acts |= {act["id"]: act for act in (await heard(connection))["acts"]}
                early, late = sorted(acts.values(), key=lambda act: act["at"])
                assert early["consent"]["state"] == "no_choice_yet"
                assert (late["consent"]["state"], late["consent"]["basis"]) == ("refused", "stated by the investigator")
                (kept,) = store.marks("now")
                assert kept.site == "example-clinic.example"
                assert abs(kept.at - (time.time() - 60)) < 30
                for wrong in ({**mark, "kind": "happy"}, {**mark, "ago": -5}, {**mark, "ago": 99999},
                              {**mark, "ago": "x"}, {**mark, "ago": True}, {**mark, "text": 5},
                              {"kind": "note", "text": " "}):  # fmt: skip
                    assert (await fetch(page, "/marks", "POST", wrong, **known)).code == 400, wrong
                assert len(store.marks("now")) == 1

    run(check)


def test_a_session_without_a_proxy_takes_no_marks_and_says_so(db, served):
    async def check():
        async with served(db, "visit") as page:
            _, message = await whole(page)
            assert message["status"]["proxy"] == {"state": "none", "marks": False}
            known = await enter(page)
            answer = await fetch(page, "/marks", "POST", {"kind": "accepted", "ago": 0}, **known)
            assert answer.code == 409
            assert "pixelwitness mark" in json.loads(answer.body)["error"]
            assert (await fetch(page, "/sessions", "POST", {"name": "x"}, **known)).code == 409

    run(check)


def test_a_new_session_is_asked_for_and_followed(db, served, beat):
    async def check():
        with Store(db) as store:
            row = beat(store, "visit")
            async with served(db) as page:
                connection, _ = await whole(page)
                known = await enter(page)
                taken = await fetch(page, "/sessions", "POST", {"name": "visit"}, **known)
                assert taken.code == 400
                assert (await fetch(page, "/sessions", "POST", {"name": " "}, **known)).code == 400
                assert (await fetch(page, "/sessions", "POST", {"name": "second visit"}, **known)).code == 200
                (asked,) = store.live_proxies()
                assert asked.wanted_session == "second visit"
                told: dict[str, Any] = {}
                while (told.get("status") or {}).get("proxy", {}).get("wanted") != "second visit":
                    told = await heard(connection)
                store.ensure_session("second visit")
                store.put_live_proxy(row.model_copy(update={"session": "second visit"}))
                store.want_session(row.id, None)
                while (told.get("status") or {}).get("session") != {"id": "second visit", "name": "second visit"}:
                    told = await heard(connection)
                assert told["type"] == "whole"
                assert told["acts"] == []

    run(check)


def test_starting_on_nothing_says_what_is_wrong(tmp_path, db):
    async def check():
        with pytest.raises(StoreError, match="no such database"):
            await LivePage(tmp_path / "none.db").start()
        with pytest.raises(SessionNotFoundError, match="no session"):
            await LivePage(db, "another").start()
        first = LivePage(db)
        await first.start()
        with pytest.raises(OSError, match="in use"):
            await LivePage(db, port=first.access.port).start()
        await first.stop()
        await first.stop()

    run(check)


def test_a_database_that_cannot_be_read_is_told_and_then_forgotten(db, served, monkeypatch):
    async def check():
        async with served(db, "visit") as page:
            connection, _ = await whole(page)
            feed = page.feed
            original = feed.look
            monkeypatch.setattr(feed, "look", lambda: (_ for _ in ()).throw(StoreError("the disk is gone")))
            told: dict[str, Any] = {}
            while not (told.get("status") or {}).get("trouble"):
                told = await heard(connection)
            assert told["status"]["trouble"] == "the disk is gone"
            monkeypatch.setattr(feed, "look", original)
            while "trouble" in (told.get("status") or {"trouble": 1}):
                told = await heard(connection)

    run(check)


def test_a_defect_is_told_and_ends_the_waiting(db, served, monkeypatch):
    async def check():
        async with served(db, "visit") as page:
            connection, _ = await whole(page)
            monkeypatch.setattr(page.feed, "look", lambda: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await page.wait()
            told: dict[str, Any] = {}
            while not (told.get("status") or {}).get("trouble"):
                told = await heard(connection)
            assert "defect" in told["status"]["trouble"]

    run(check)
