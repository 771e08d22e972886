"""The database: what it keeps, what it forgets, and what it says where it cannot be used."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from addon.audit import VisitorStamp
from addon.consent.timeline import Mark
from addon.replay import rederive, replay
from addon.store.rows import LiveProxyRow, ReviewRow
from addon.store.schema import DERIVED, OBSERVED, migrations
from addon.store.store import EventNotFoundError, SessionNotFoundError, Store, StoreError
from rules.engine import Matcher
from rules.ruleset import make_ruleset

SECOND_SITE = "www.other-clinic.example"
VIEWS = ("sessions", "events", "findings", "identifiers", "problems")
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def tables(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def every_row(path: Path, session: str) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {
            table: connection.execute(
                f"SELECT * FROM {table} WHERE {'id' if table == 'obs_sessions' else 'session'} = ?", (session,)
            ).fetchall()
            for table in (*OBSERVED, *DERIVED)
        }


@pytest.fixture
def kept(clinic, tmp_path: Path, store: Store, judge: Matcher) -> Store:
    """Return a database that holds the session `visit`."""
    replay(store, judge, "visit", [clinic.save(tmp_path / "visit.mitm")])
    return store


def a_proxy(**changes: Any) -> LiveProxyRow:
    row = LiveProxyRow(
        id="live-1", session="visit", pid=4, listening="127.0.0.1:8080", recording=None, holding=False,
        started_at=100.0, beat_at=100.0,
    )  # fmt: skip
    return row.model_copy(update=changes)


def first_event(store: Store, session: str = "visit") -> str:
    derivation = store.derivation(session)
    assert derivation is not None
    return derivation.events[0].event.id


# making and opening


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_database_is_its_owners_only(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        with Store(tmp_path / "a.db"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store(path).close()
    before = tables(path)
    Store(path).close()
    assert tables(path) == before
    assert set(OBSERVED) | set(DERIVED) | set(VIEWS) <= set(before)


def test_a_database_of_the_oldest_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    fresh, old = tmp_path / "fresh.db", tmp_path / "old.db"
    Store(fresh).close()
    with closing(sqlite3.connect(old)) as connection:
        first, *later = (migration.name for migration in migrations.pending(Database(connection)))
        assert first == "0001_observations_and_derivations"
        migrations.apply(Database(connection), stop_before=later[:1])
        connection.commit()
    Store(old).close()
    assert tables(old) == tables(fresh)


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('pixelwitness', '9999_new', '')"
        )
        connection.commit()
    with pytest.raises(StoreError, match="newer version"):
        Store(path)


def test_a_database_that_was_never_finished_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        migrations.ensure_migrations_table(Database(connection))
        connection.commit()
    with Store(path) as store:
        assert store.sessions() == ()


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    with Store(path) as store:
        assert store.sessions() == ()


def test_a_missing_database_is_not_made_where_only_reading_is_asked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"a\.db: no such database; run a replay first"):
        Store(tmp_path / "a.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("a shopping list that is long enough to have a header " * 20)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used as a database"):
        Store(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used as a database"):
        Store(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/a\.db cannot be made: No such file or directory"):
        Store(tmp_path / "nowhere" / "a.db")


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be made: Permission denied"):
        Store(folder / "a.db")


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_a_database_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store(path).close()
    path.chmod(0)
    with pytest.raises(StoreError, match="cannot be used as a database"):
        Store(path)


def test_a_damaged_database_is_said_and_not_repaired(kept: Store) -> None:
    path = kept.path
    kept.close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\x5a" * (len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"sessions\.db cannot be"), Store(path, create=False) as store:
        store.sessions()


def test_a_damaged_page_is_said_when_it_is_read(kept: Store) -> None:
    path = kept.path
    page_size = kept._connection.execute("PRAGMA page_size").fetchone()[0]
    kept.close()
    content = bytearray(path.read_bytes())
    for start in range(4 * page_size, len(content), page_size):
        content[start : start + page_size] = b"\x5a" * page_size
    path.write_bytes(content)

    def read_everything() -> None:
        with Store(path, create=False) as store:
            store.observations("visit")
            store.derivation("visit")

    with pytest.raises(StoreError):
        read_everything()


def test_a_database_of_another_program_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sessions (id TEXT)")
        connection.execute("INSERT INTO sessions VALUES ('theirs')")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"other\.db cannot be used as a database: it is the database of another"):
        Store(path)
    assert path.read_bytes() == before


def test_a_database_that_another_process_writes_is_said(kept: Store) -> None:
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        kept._connection.execute("PRAGMA busy_timeout=10")
        with pytest.raises(StoreError, match="cannot be written: database is locked"), kept.transaction():
            pass
        assert kept.sessions()  # reading goes on
        other.execute("ROLLBACK")
    with kept.transaction():
        kept.mark_incomplete("visit")
    assert not kept.session("visit").complete


# transactions


def test_an_interrupted_transaction_leaves_nothing(store: Store) -> None:
    def half() -> None:
        with store.transaction():
            store.ensure_session("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert store.sessions() == ()
    with store.transaction():
        store.ensure_session("whole")
    assert [row.id for row in store.sessions()] == ["whole"]


def test_a_process_that_dies_leaves_nothing_half_written(kept: Store) -> None:
    """A copy of the files in mid-transaction is what the disk holds after a crash."""
    kept._connection.execute("BEGIN IMMEDIATE")
    kept.ensure_session("half")
    kept.mark_incomplete("visit")
    crashed = kept.path.with_name("crashed.db")
    for suffix in ("", "-wal"):
        source = Path(f"{kept.path}{suffix}")
        Path(f"{crashed}{suffix}").write_bytes(source.read_bytes())
    kept._connection.execute("ROLLBACK")
    with Store(crashed, create=False) as store:
        assert [row.id for row in store.sessions()] == ["visit"]
        assert store.session("visit").complete
        assert len(store.derivation("visit").events) == 5


def journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_first_filling_that_dies_leaves_an_empty_database(tmp_path: Path) -> None:
    """A copy of the files in mid-transaction is what the disk holds after a crash."""
    path, crashed = tmp_path / "a.db", tmp_path / "crashed.db"
    with Store(path) as store, store.filling():
        store._connection.execute("PRAGMA cache_size=1")  # so that pages are written before the end
        for number in range(2_000):
            store.ensure_session(f"session {number}")
        for suffix in ("", "-journal"):
            Path(f"{crashed}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    assert b"session 77" in crashed.read_bytes()
    with Store(crashed) as store:
        assert store.sessions() == ()
    assert journal_mode(crashed) == journal_mode(path) == "wal"


def test_filling_that_fails_leaves_nothing(store: Store) -> None:
    def half() -> None:
        with store.filling():
            store.ensure_session("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert store.sessions() == ()
    assert journal_mode(store.path) == "wal"


def test_a_disk_that_is_full_leaves_nothing(store: Store) -> None:
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count={pages + 10}")

    def fill() -> None:
        with store.filling():
            for number in range(10_000):
                store.ensure_session(f"session {number}")

    with pytest.raises(StoreError, match="cannot be written: database or disk is full"):
        fill()
    assert store.sessions() == ()
    assert journal_mode(store.path) == "wal"


def test_a_database_that_others_have_open_is_filled_by_way_of_its_log(store: Store) -> None:
    with Store(store.path) as other, store.filling():
        assert journal_mode(store.path) == "wal"
        store.ensure_session("whole")
        assert other.sessions() == ()
    assert [row.id for row in store.sessions()] == ["whole"]


def test_a_database_can_be_opened_while_it_is_filled_for_the_first_time(store: Store) -> None:
    with store.filling():
        store.ensure_session("whole")
        assert journal_mode(store.path) == "delete"
        with Store(store.path) as other:
            assert other.sessions() == ()
    assert [row.id for row in store.sessions()] == ["whole"]
    with store.filling():
        assert journal_mode(store.path) == "wal"


# sessions


def test_sessions_are_found_by_id_beginning_or_as_the_newest(store: Store) -> None:
    with store.transaction():
        for name in ("alpha", "alpha-2", "beta"):
            store.ensure_session(name)
            store._connection.execute(
                "UPDATE obs_sessions SET created_at = ? WHERE id = ?", (f"2026-01-0{len(store.sessions())}", name)
            )
    assert store.session().id == "beta"
    assert store.session("alpha").id == "alpha"
    assert store.session("alpha-").id == "alpha-2"
    with pytest.raises(SessionNotFoundError, match="no session “gamma”; the latest are: alpha, alpha-2, beta"):
        store.session("gamma")


def test_a_beginning_that_fits_two_sessions_is_none(store: Store) -> None:
    with store.transaction():
        store.ensure_session("visit-1")
        store.ensure_session("visit-2")
    with pytest.raises(SessionNotFoundError, match="visit"):
        store.session("visit")


def test_an_empty_database_says_what_to_do(store: Store) -> None:
    with pytest.raises(SessionNotFoundError, match="holds no session yet; run: pixelwitness replay"):
        store.session()


def test_the_public_address_is_kept_with_who_and_when(kept: Store) -> None:
    with kept.transaction():
        kept.state_public_address("visit", "203.0.113.7", "R. Reviewer")
    first = kept.session("visit")
    assert (first.public_address, first.public_address_stated_by) == ("203.0.113.7", "R. Reviewer")
    with kept.transaction():
        kept.state_public_address("visit", "203.0.113.7", "Somebody Else")
    assert kept.session("visit") == first


# marks, reviews, search


def test_marks_are_added_and_come_in_order_of_time(kept: Store) -> None:
    one = Mark(at=20.5, kind="note", site=None, text="the second", by="R. Reviewer")
    two = Mark(at=10.25, kind="refused", site="example.org", text="")
    with kept.transaction():
        kept.add_mark("visit", one)
        kept.add_mark("visit", two)
        kept.add_mark("visit", one)
    assert kept.marks("visit") == (two, one, one)


def test_reviews_are_added_and_the_latest_counts(kept: Store) -> None:
    event = first_event(kept)
    with kept.transaction():
        for state in ("confirmed", "dismissed"):
            kept.add_review("visit", event, ReviewRow(state=state, reason=f"because {state}", by=None, at="2026"))
    assert kept.reviews("visit") == {
        event: ReviewRow(state="dismissed", reason="because dismissed", by=None, at="2026")
    }
    assert len(rows(kept.path, "SELECT * FROM obs_reviews")) == 2
    (shown,) = rows(kept.path, f"SELECT review FROM events WHERE event = '{event}'")
    assert shown == {"review": "dismissed"}


def test_a_review_survives_a_rebuild(kept: Store, judge: Matcher) -> None:
    event = first_event(kept)
    with kept.transaction():
        kept.add_review("visit", event, ReviewRow(state="confirmed", reason=None, by="R. Reviewer", at="2026"))
        kept.drop_derivations()
    assert kept.reviews("visit") == {}
    rederive(kept, judge, "visit")
    assert list(kept.reviews("visit")) == [event]


def test_a_review_of_no_event_is_refused(kept: Store) -> None:
    with pytest.raises(EventNotFoundError, match="e00000000000"), kept.transaction():
        kept.add_review("visit", "e00000000000", ReviewRow(state="confirmed", reason=None, by=None, at="2026"))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("zorbitis", ["PageView", "SubscribedButtonClick", "PageView", "Search"]),
        ("ZORBITIS test", ["SubscribedButtonClick"]),
        ("zorbitis help", ["PageView", "Search"]),
        ("about", ["PageView"]),
        ("SubscribedButtonClick", ["SubscribedButtonClick"]),
        ("zorbitis nothing", []),
        ("", []),
        ('zorbitis" OR "', []),
        ("page_url:about", []),
        ("zorb*", []),
    ],
)
def test_words_are_found(kept: Store, words: str, names: list[str]) -> None:
    found = set(kept.search("visit", words))
    derivation = kept.derivation("visit")
    assert [item.event.event_name for item in derivation.events if item.event.id in found] == names


def test_words_are_found_in_one_session_only(kept: Store) -> None:
    with kept.transaction():
        kept.ensure_session("other")
    assert kept.search("other", "zorbitis") == ()


# derivations


def test_assessments_under_other_rules_are_kept_beside(kept: Store, judge: Matcher) -> None:
    nothing = Matcher(make_ruleset(()))
    old = {item.event.id: item.assessment for item in kept.derivation("visit").events}
    rederive(kept, nothing, "visit")
    assert {item.assessment.score for item in kept.derivation("visit").events} == {0}
    beside = rows(kept.path, "SELECT event, ruleset_digest FROM der_assessments")
    assert {row["event"]: row["ruleset_digest"] for row in beside} == dict.fromkeys(old, judge.ruleset.digest)
    assert rows(kept.path, "SELECT * FROM findings") == []
    assert {row["score"] for row in rows(kept.path, "SELECT score FROM events")} == {0}
    rederive(kept, judge, "visit")
    assert {item.event.id: item.assessment for item in kept.derivation("visit").events} == old
    (digest,) = {row["ruleset_digest"] for row in rows(kept.path, "SELECT ruleset_digest FROM der_assessments")}
    assert digest == nothing.ruleset.digest
    assert len(rows(kept.path, "SELECT * FROM events")) == 5


def test_events_can_be_written_one_by_one(kept: Store) -> None:
    derivation = kept.derivation("visit")
    before = every_row(kept.path, "visit")
    with kept.transaction():
        kept.put_events("visit", derivation.events[1:3])
        kept.put_acts("visit", derivation.acts)
    after = every_row(kept.path, "visit")
    assert {table: sorted(content, key=repr) for table, content in after.items()} == {
        table: sorted(content, key=repr) for table, content in before.items()
    }


# forgetting


@pytest.fixture
def two(clinic, new_visit, tmp_path: Path, store: Store, judge: Matcher) -> Store:
    """Return a database with two sessions, each with words of its own."""
    other = new_visit()
    other.page("/quillfever-clinic/", host=SECOND_SITE, title="Quillfever clinic", asks=True)
    other.pixel(
        "SubscribedButtonClick",
        f"https://{SECOND_SITE}/quillfever-clinic/",
        more={"cd[buttonText]": "Quillfever referral", "ud[em]": "a" * 64},
        pixel="900000000000099",
    )
    replay(store, judge, "visit", [clinic.save(tmp_path / "visit.mitm")])
    replay(store, judge, "other", [other.save(tmp_path / "other.mitm")])
    with store.transaction():
        store.add_mark("other", Mark(at=1.0, kind="note", site=None, text="quillfever note"))
        store.add_review(
            "other", first_event(store, "other"), ReviewRow(state="dismissed", reason="quillfever", by=None, at="2026")
        )
    return store


def bytes_of(store: Store) -> bytes:
    return b"".join(path.read_bytes() for path in store.path.parent.glob(store.path.name + "*")).lower()


def test_what_is_forgotten_leaves_no_byte(two: Store) -> None:
    assert b"quillfever" in bytes_of(two)
    two.forget("other")
    for word in (b"quillfever", SECOND_SITE.encode(), b"900000000000099", b"a" * 64):
        assert word not in bytes_of(two)
    path = two.path
    two.close()
    for word in (b"quillfever", SECOND_SITE.encode(), b"900000000000099", b"a" * 64):
        assert word not in path.read_bytes().lower()


def test_other_sessions_stay_as_they_are(two: Store) -> None:
    before = every_row(two.path, "visit")
    two.forget("other")
    assert every_row(two.path, "visit") == before
    assert not any(every_row(two.path, "other").values())
    assert [row.id for row in two.sessions()] == ["visit"]
    assert two.search("visit", "zorbitis")


def test_forgetting_what_is_not_there_changes_nothing(two: Store) -> None:
    before = [every_row(two.path, session) for session in ("visit", "other")]
    two.forget("nobody")
    assert [every_row(two.path, session) for session in ("visit", "other")] == before


def test_traces_that_another_reader_holds_are_said(two: Store) -> None:
    two._connection.execute("PRAGMA busy_timeout=10")
    with closing(sqlite3.connect(two.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM obs_requests").fetchall()
        with pytest.raises(StoreError, match="traces may remain while another program has the database open"):
            two.forget("other")
        assert [row.id for row in two.sessions()] == ["visit"]
        assert b"quillfever" in bytes_of(two)
    two.close()
    with Store(two.path) as again:  # what the message advises
        again.sessions()
    assert b"quillfever" not in bytes_of(two)


# views


def test_views_are_for_people_with_plain_sqlite(kept: Store) -> None:
    path = kept.path
    (session,) = rows(path, "SELECT * FROM sessions")
    assert (session["session"], session["events"], session["sources"]) == ("visit", 5, 1)
    assert session["events_with_health_content"] == sum(
        row["band"] in {"medium", "high", "critical"} for row in rows(path, "SELECT band FROM events")
    )
    events = rows(path, "SELECT * FROM events ORDER BY occurred_at")
    assert [row["event_name"] for row in events] == [
        "PageView", "SubscribedButtonClick", "PageView", "Search", "PageView",
    ]  # fmt: skip
    assert events[0]["occurred_at"].startswith("2026-09-21T")
    assert {row["review"] for row in events} == {"unreviewed"}
    assert {row["requests"] for row in events} == {1}
    assert {row["text"] for row in rows(path, "SELECT text FROM findings WHERE kind = 'topic'")} == {"zorbitis"}
    assert {row["kind"] for row in rows(path, "SELECT kind FROM identifiers")} == {"fbp", "c_user", "datr"}
    assert rows(path, "SELECT * FROM problems") == []


def test_every_view_can_be_read_when_nothing_is_in_it(tmp_path: Path) -> None:
    Store(tmp_path / "a.db").close()
    assert all(rows(tmp_path / "a.db", f"SELECT * FROM {view}") == [] for view in VIEWS)


def test_a_session_that_was_never_derived_is_listed(store: Store) -> None:
    with store.transaction():
        store.ensure_session("new")
    (session,) = rows(store.path, "SELECT session, events, ruleset_digest FROM sessions")
    assert session == {"session": "new", "events": 0, "ruleset_digest": None}


# a running proxy and those who show it


def test_what_was_asked_of_a_proxy_stays_until_it_says_it_is_fulfilled(store: Store) -> None:
    store.put_live_proxy(a_proxy())
    store.want_session("live-1", "second")
    store.put_live_proxy(a_proxy(beat_at=101.0, seen=7))
    assert store.live_proxies() == (a_proxy(beat_at=101.0, seen=7, wanted_session="second"),)
    store.want_session("live-1", None)
    assert store.live_proxies()[0].wanted_session is None


def test_a_change_of_events_is_seen_once(kept: Store) -> None:
    everything = kept.revision()
    derivation = kept.derivation("visit")
    assert derivation is not None
    ids = {item.event.id for item in derivation.events}
    assert set(kept.changed_events("visit", 0)) == ids
    assert kept.changed_events("visit", everything) == ()
    one = derivation.events[-1]
    kept.put_events("visit", [one])
    assert kept.changed_events("visit", everything) == (one.event.id,)
    later = kept.revision()
    kept.add_review("visit", one.event.id, ReviewRow(state="confirmed", reason=None, by=None, at="2026-01-01"))
    assert kept.changed_events("visit", later) == (one.event.id,)
    latest = kept.revision()
    kept.put_consent("visit", {one.event.id: VisitorStamp(consent=one.consent, login=one.login)})
    assert kept.changed_events("visit", latest) == (one.event.id,)
    last = kept.revision()
    kept.drop_events("visit", [one.event.id])
    assert set(kept.changed_events("visit", last)) == ids - {one.event.id}


def test_a_new_event_beside_the_latest_one_again_takes_nobodys_place(kept: Store) -> None:
    derivation = kept.derivation("visit")
    assert derivation is not None
    latest = derivation.events[-1]
    new = latest.model_copy(update={"event": latest.event.model_copy(update={"id": "e00000000new"})})
    kept.put_events("visit", [new, latest])
    after = kept.derivation("visit")
    assert after is not None
    assert {item.event.id for item in after.events} == {item.event.id for item in (*derivation.events, new)}


def test_another_connection_notices_that_something_was_written(kept: Store) -> None:
    with Store(kept.path) as watcher:
        before = watcher.data_version()
        assert watcher.data_version() == before
        kept.put_live_proxy(a_proxy())
        assert watcher.data_version() != before


def test_forgetting_a_session_forgets_its_proxies(kept: Store) -> None:
    kept.put_live_proxy(a_proxy())
    kept.forget("visit")
    assert kept.live_proxies() == ()
    assert kept.revision() == 0
