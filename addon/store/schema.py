"""The tables and views of the database, as migrations that are only ever appended to.

`obs_*` tables hold observations: rows are added, never changed, except that a source grows when a longer
version of it is read. `der_*` tables hold what follows from them and can be dropped and rebuilt. The views
have the plain names, for people who read the file with Datasette or another SQLite tool.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("pixelwitness")

OBSERVED = (
    "obs_sessions", "obs_sources", "obs_requests", "obs_pages", "obs_consent", "obs_problems", "obs_marks",
    "obs_withdrawals", "obs_reviews", "obs_personas", "obs_persona_searches", "obs_persona_sightings",
)  # fmt: skip
DERIVED = (
    "der_sessions", "der_events", "der_event_requests", "der_assessments", "der_acts", "der_rules", "der_problems",
)  # fmt: skip

LIVE = ("live_proxies", "live_changes")

_OBSERVATION_TABLES = """
CREATE TABLE obs_sessions (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    provenance TEXT NOT NULL DEFAULT 'recorded',
    complete INTEGER NOT NULL DEFAULT 1,
    tool_version TEXT NOT NULL,
    public_address TEXT,
    public_address_stated_by TEXT,
    public_address_stated_at TEXT
) STRICT;
CREATE TABLE obs_sources (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    sha256 TEXT,
    bytes INTEGER,
    read_to INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    requests_seen INTEGER NOT NULL,
    requests_matched INTEGER NOT NULL,
    cookies_seen INTEGER NOT NULL,
    first_at REAL,
    last_at REAL,
    PRIMARY KEY (session, id)
) STRICT;
CREATE TABLE obs_requests (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    vendor TEXT NOT NULL,
    role TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    http_version TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    body_problem TEXT,
    started_at REAL NOT NULL,
    client_ip TEXT,
    server_address TEXT,
    delivery TEXT NOT NULL,
    status INTEGER,
    response_headers TEXT NOT NULL,
    response_body BLOB,
    held INTEGER NOT NULL,
    reconstruction INTEGER NOT NULL,
    PRIMARY KEY (session, key)
) STRICT;
CREATE TABLE obs_pages (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    at REAL NOT NULL,
    url TEXT NOT NULL,
    site TEXT NOT NULL,
    title TEXT,
    status INTEGER,
    top INTEGER NOT NULL,
    asks INTEGER,
    cookie_names TEXT NOT NULL,
    PRIMARY KEY (session, source, position)
) STRICT;
CREATE TABLE obs_consent (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    state TEXT,
    proof TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'cookies',
    chosen_at REAL,
    PRIMARY KEY (session, source, position)
) STRICT;
CREATE TABLE obs_problems (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    source TEXT NOT NULL,
    place TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (session, source, place, what)
) STRICT;
CREATE TABLE obs_marks (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    site TEXT,
    text TEXT NOT NULL,
    by TEXT,
    stated_at TEXT NOT NULL
) STRICT;
CREATE TABLE obs_reviews (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    request_key TEXT NOT NULL,
    request_index INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    by TEXT,
    at TEXT NOT NULL
) STRICT;
"""

_DERIVATION_TABLES = """
CREATE TABLE der_sessions (
    session TEXT PRIMARY KEY,
    tool_version TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    decoded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    skew_ms INTEGER,
    spread_ms INTEGER,
    clock_samples INTEGER NOT NULL,
    other_digest TEXT,
    packs TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE der_events (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    occurred_at REAL NOT NULL,
    event_name TEXT NOT NULL,
    pixel_id TEXT NOT NULL,
    site TEXT,
    page_url TEXT,
    page_title TEXT,
    clicked TEXT,
    searched TEXT,
    delivery TEXT NOT NULL,
    linkability TEXT NOT NULL,
    page_class TEXT NOT NULL,
    consent_state TEXT NOT NULL,
    event TEXT NOT NULL,
    consent TEXT NOT NULL,
    other TEXT,
    PRIMARY KEY (session, id)
) STRICT;
CREATE TABLE der_event_requests (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_index INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    transport TEXT NOT NULL,
    PRIMARY KEY (session, request_key, request_index)
) STRICT;
CREATE TABLE der_identifiers (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    parameter TEXT NOT NULL,
    value TEXT NOT NULL,
    form TEXT NOT NULL
) STRICT;
CREATE INDEX der_identifiers_value ON der_identifiers (value);
CREATE TABLE der_assessments (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    score INTEGER NOT NULL,
    band TEXT NOT NULL,
    tier TEXT NOT NULL,
    topics TEXT NOT NULL,
    actions TEXT NOT NULL,
    assessment TEXT NOT NULL,
    PRIMARY KEY (session, event, ruleset_digest)
) STRICT;
CREATE TABLE der_findings (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    rule TEXT NOT NULL,
    version INTEGER NOT NULL,
    category TEXT NOT NULL,
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    parameter TEXT NOT NULL,
    text TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    points INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX der_findings_event ON der_findings (session, event);
CREATE TABLE der_rules (
    session TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    rule TEXT NOT NULL,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (session, ruleset_digest, rule)
) STRICT;
CREATE TABLE der_acts (
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    site TEXT,
    page_url TEXT,
    at REAL NOT NULL,
    event_ids TEXT NOT NULL,
    PRIMARY KEY (session, id)
) STRICT;
CREATE TABLE der_problems (
    session TEXT NOT NULL,
    place TEXT NOT NULL,
    what TEXT NOT NULL,
    request_key TEXT
) STRICT;
CREATE VIRTUAL TABLE der_search USING fts5(
    session UNINDEXED, event UNINDEXED, event_name, page_url, page_title, clicked, searched, words
);
"""

_VIEWS = """
CREATE VIEW sessions AS
SELECT s.id AS session, s.name, s.provenance, s.created_at, s.complete, s.public_address,
    (SELECT count(*) FROM obs_sources o WHERE o.session = s.id) AS sources,
    (SELECT count(*) FROM der_events e WHERE e.session = s.id) AS events,
    (SELECT count(DISTINCT a.event) FROM der_assessments a
        WHERE a.session = s.id AND a.ruleset_digest = d.ruleset_digest
        AND a.band IN ('medium', 'high', 'critical')) AS events_with_health_content,
    d.ruleset_digest, d.tool_version
FROM obs_sessions s LEFT JOIN der_sessions d ON d.session = s.id;
CREATE VIEW events AS
SELECT e.session, e.id AS event, strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_at, 'unixepoch') AS occurred_at,
    e.event_name, e.pixel_id, e.site, e.page_url, e.page_title, e.clicked, e.searched, e.delivery, e.linkability,
    e.page_class, e.consent_state, a.score, a.band, a.tier, a.topics, a.actions,
    (SELECT count(*) FROM der_event_requests r WHERE r.session = e.session AND r.event = e.id) AS requests,
    coalesce((SELECT v.state FROM obs_reviews v JOIN der_event_requests r
        ON r.session = v.session AND r.request_key = v.request_key AND r.request_index = v.request_index
        WHERE v.session = e.session AND r.event = e.id ORDER BY v.id DESC LIMIT 1), 'unreviewed') AS review
FROM der_events e
LEFT JOIN der_sessions d ON d.session = e.session
LEFT JOIN der_assessments a
    ON a.session = e.session AND a.event = e.id AND a.ruleset_digest = d.ruleset_digest;
CREATE VIEW findings AS
SELECT f.session, f.event, e.site, e.page_url, e.event_name, f.category, f.kind, f.field, f.parameter, f.text,
    f.points, f.rule, f.version, f.reason
FROM der_findings f
JOIN der_events e ON e.session = f.session AND e.id = f.event
JOIN der_sessions d ON d.session = f.session AND d.ruleset_digest = f.ruleset_digest;
CREATE VIEW identifiers AS
SELECT i.session, i.event, e.site, e.pixel_id, i.kind, i.source, i.parameter, i.value, i.form
FROM der_identifiers i JOIN der_events e ON e.session = i.session AND e.id = i.event;
CREATE VIEW problems AS
SELECT session, place, what FROM obs_problems UNION ALL SELECT session, place, what FROM der_problems;
"""

# How a running proxy and the programs that show it talk: neither observed nor derived. `revision` grows with every
# change, so that a reader asks only for what is new; event '' stands for all events of the session.
_LIVE = """
CREATE TABLE live_proxies (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    pid INTEGER NOT NULL,
    listening TEXT NOT NULL,
    recording TEXT,
    holding INTEGER NOT NULL,
    started_at REAL NOT NULL,
    beat_at REAL NOT NULL,
    ended_at REAL,
    wanted_session TEXT,
    seen INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE live_changes (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (session, event)
) STRICT;
CREATE INDEX live_changes_revision ON live_changes (revision);
"""

# Rows of derived tables are found by their event, so that one event can be replaced without reading the others, and
# the full-text index by the event's number. Why a finding counted is said once, in the rule's own text.
_COMPACT = """
DROP VIEW events;
DROP VIEW findings;
DROP VIEW identifiers;
DROP VIEW sessions;
ALTER TABLE der_events RENAME TO old_events;
CREATE TABLE der_events (
    number INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    occurred_at REAL NOT NULL,
    event_name TEXT NOT NULL,
    pixel_id TEXT NOT NULL,
    site TEXT,
    page_url TEXT,
    page_title TEXT,
    clicked TEXT,
    searched TEXT,
    delivery TEXT NOT NULL,
    linkability TEXT NOT NULL,
    page_class TEXT NOT NULL,
    consent_state TEXT NOT NULL,
    event TEXT NOT NULL,
    consent TEXT NOT NULL,
    other TEXT,
    UNIQUE (session, id)
) STRICT;
INSERT INTO der_events (session, id, occurred_at, event_name, pixel_id, site, page_url, page_title, clicked, searched,
    delivery, linkability, page_class, consent_state, event, consent, other)
SELECT session, id, occurred_at, event_name, pixel_id, site, page_url, page_title, clicked, searched,
    delivery, linkability, page_class, consent_state, event, consent, other FROM old_events ORDER BY rowid;
DROP TABLE old_events;
CREATE INDEX der_event_requests_event ON der_event_requests (session, event);
DROP INDEX der_identifiers_value;
ALTER TABLE der_identifiers RENAME TO old_identifiers;
CREATE TABLE der_identifiers (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    parameter TEXT NOT NULL,
    value TEXT NOT NULL,
    form TEXT NOT NULL,
    PRIMARY KEY (session, event, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO der_identifiers SELECT session, event, rowid, kind, source, parameter, value, form FROM old_identifiers;
DROP TABLE old_identifiers;
CREATE INDEX der_identifiers_value ON der_identifiers (value);
DROP INDEX der_findings_event;
ALTER TABLE der_findings RENAME TO old_findings;
CREATE TABLE der_findings (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    rule TEXT NOT NULL,
    version INTEGER NOT NULL,
    category TEXT NOT NULL,
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    parameter TEXT NOT NULL,
    text TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    points INTEGER NOT NULL,
    PRIMARY KEY (session, event, ruleset_digest, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO der_findings SELECT session, event, ruleset_digest, rowid, rule, version, category, kind, field, parameter,
    text, start, "end", points FROM old_findings;
DROP TABLE old_findings;
DROP TABLE der_search;
CREATE VIRTUAL TABLE der_search USING fts5(
    session UNINDEXED, event UNINDEXED, event_name, page_url, page_title, clicked, searched, words
);
INSERT INTO der_search (rowid, session, event, event_name, page_url, page_title, clicked, searched, words)
SELECT e.number, e.session, e.id, e.event_name, e.page_url, e.page_title, e.clicked, e.searched,
    (SELECT group_concat(f.text, ' ') FROM der_findings f WHERE f.session = e.session AND f.event = e.id)
FROM der_events e;
CREATE INDEX obs_requests_time ON obs_requests (session, started_at, key);
"""

_FINDINGS_WITH_REASONS = """
CREATE VIEW findings AS
SELECT f.session, f.event, e.site, e.page_url, e.event_name, f.category, f.kind, f.field, f.parameter, f.text,
    f.points, f.rule, f.version, json_extract(r.text, '$.reason') AS reason
FROM der_findings f
JOIN der_events e ON e.session = f.session AND e.id = f.event
JOIN der_sessions d ON d.session = f.session AND d.ruleset_digest = f.ruleset_digest
LEFT JOIN der_rules r ON r.session = f.session AND r.ruleset_digest = f.ruleset_digest AND r.rule = f.rule
"""


# What was found of a test person while the file that describes them was at hand: never a value, nor a hash of one.
# The latest row of a label counts; a request without a row in `obs_persona_searches` was never looked through.
_PERSONA = """
CREATE TABLE obs_personas (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    label TEXT NOT NULL,
    details TEXT NOT NULL,
    stated_at TEXT NOT NULL,
    by TEXT,
    tool_version TEXT NOT NULL
) STRICT;
CREATE TABLE obs_persona_searches (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    persona INTEGER NOT NULL REFERENCES obs_personas(id),
    request_key TEXT NOT NULL,
    complete INTEGER NOT NULL,
    PRIMARY KEY (persona, request_key)
) STRICT;
CREATE TABLE obs_persona_sightings (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    persona INTEGER NOT NULL REFERENCES obs_personas(id),
    request_key TEXT NOT NULL,
    request_index INTEGER,
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    nth INTEGER NOT NULL,
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    written TEXT NOT NULL,
    how TEXT NOT NULL,
    layers TEXT NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL
) STRICT;
CREATE INDEX obs_persona_sightings_persona ON obs_persona_sightings (persona);
CREATE VIEW person_sightings AS
SELECT s.session, p.label, r.event, e.site, e.pixel_id, e.consent_state, s.place, s.name, s.kind, s.written, s.how,
    s.layers, s.request_key
FROM obs_persona_sightings s
JOIN obs_personas p ON p.id = s.persona
    AND p.id = (SELECT max(n.id) FROM obs_personas n WHERE n.session = p.session AND n.label = p.label)
LEFT JOIN der_event_requests r ON r.session = s.session AND r.request_key = s.request_key
    AND (s.request_index IS NULL OR r.request_index = s.request_index)
LEFT JOIN der_events e ON e.session = r.session AND e.id = r.event;
"""


# One request may show several things: what its cookies say, what its answer set, and what it stated to others.
_CONSENT = """
CREATE TABLE obs_consent_wider (
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    state TEXT,
    proof TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'cookies',
    chosen_at REAL,
    name TEXT NOT NULL DEFAULT '',
    says TEXT,
    against TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (session, source, position, kind, name)
) STRICT;
INSERT INTO obs_consent_wider (session, source, position, at, site, state, proof, kind, chosen_at)
SELECT session, source, position, at, site, state, proof, kind, chosen_at FROM obs_consent;
DROP TABLE obs_consent;
ALTER TABLE obs_consent_wider RENAME TO obs_consent;
ALTER TABLE der_events ADD COLUMN login TEXT NOT NULL DEFAULT '{}';
CREATE TABLE obs_withdrawals (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES obs_sessions(id),
    mark INTEGER NOT NULL REFERENCES obs_marks(id),
    reason TEXT,
    by TEXT,
    stated_at TEXT NOT NULL
) STRICT;
"""


# Names of the cookies that the answer to a page told the browser to keep: a site's own server can set a browser id.
_COOKIES_SET = "ALTER TABLE obs_pages ADD COLUMN cookies_set TEXT NOT NULL DEFAULT '[]'"


# An event is one row: what identifies somebody, and what the rules of its session say, stand in it, each said once (see
# `addon.store.encoding`). `der_assessments` keeps what other rules said before. The full-text index reads its texts
# from the events. Rows of an earlier version keep the JSON that they have.
_ONE_ROW = """
DROP VIEW sessions;
DROP VIEW events;
DROP VIEW findings;
DROP VIEW identifiers;
DROP VIEW person_sightings;
ALTER TABLE der_events RENAME TO old_events;
ALTER TABLE der_assessments RENAME TO old_assessments;
CREATE TABLE der_events (
    number INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    id TEXT NOT NULL,
    occurred_at REAL NOT NULL,
    event_name TEXT NOT NULL,
    pixel_id TEXT NOT NULL,
    site TEXT,
    page_url TEXT,
    page_title TEXT,
    clicked TEXT,
    searched TEXT,
    delivery TEXT NOT NULL,
    linkability TEXT NOT NULL,
    page_class TEXT NOT NULL,
    consent_state TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    score INTEGER NOT NULL,
    band TEXT NOT NULL,
    tier TEXT NOT NULL,
    topics TEXT NOT NULL,
    actions TEXT NOT NULL,
    derived_from TEXT,
    words TEXT NOT NULL,
    consent TEXT NOT NULL,
    login TEXT NOT NULL,
    identifiers TEXT NOT NULL,
    findings TEXT NOT NULL,
    assessment TEXT NOT NULL,
    event TEXT NOT NULL,
    other TEXT,
    UNIQUE (session, id)
) STRICT;
CREATE TABLE der_assessments (
    session TEXT NOT NULL,
    event TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    score INTEGER NOT NULL,
    band TEXT NOT NULL,
    tier TEXT NOT NULL,
    topics TEXT NOT NULL,
    actions TEXT NOT NULL,
    findings TEXT NOT NULL,
    assessment TEXT NOT NULL,
    PRIMARY KEY (session, event, ruleset_digest)
) STRICT;
INSERT INTO der_assessments
SELECT a.session, a.event, a.ruleset_digest, a.score, a.band, a.tier, a.topics, a.actions,
    (SELECT json_group_array(json(f.item)) FROM (
        SELECT json_array(rule, field, parameter, text, start, "end", points) AS item FROM der_findings
        WHERE session = a.session AND event = a.event AND ruleset_digest = a.ruleset_digest ORDER BY ordinal) f),
    a.assessment
FROM old_assessments a;
DROP TABLE old_assessments;
INSERT INTO der_events
SELECT e.number, e.session, e.id, e.occurred_at, e.event_name, e.pixel_id, e.site, e.page_url, e.page_title, e.clicked,
    e.searched, e.delivery, e.linkability, e.page_class, e.consent_state, coalesce(a.ruleset_digest, ''),
    coalesce(a.score, 0), coalesce(a.band, ''), coalesce(a.tier, ''), coalesce(a.topics, ''), coalesce(a.actions, ''),
    NULL, coalesce(s.words, ''), e.consent, e.login,
    (SELECT json_group_array(json(i.item)) FROM (
        SELECT json_array(kind, source, parameter, value, form) AS item FROM der_identifiers
        WHERE session = e.session AND event = e.id ORDER BY ordinal) i),
    coalesce(a.findings, '[]'), coalesce(a.assessment, '{}'), e.event, e.other
FROM old_events e
LEFT JOIN der_sessions d ON d.session = e.session
LEFT JOIN der_assessments a ON a.session = e.session AND a.event = e.id AND a.ruleset_digest = d.ruleset_digest
LEFT JOIN der_search s ON s.rowid = e.number
ORDER BY e.number;
DELETE FROM der_assessments WHERE ruleset_digest IN (
    SELECT d.ruleset_digest FROM der_sessions d WHERE d.session = der_assessments.session)
    AND EXISTS (SELECT 1 FROM der_events e WHERE e.session = der_assessments.session AND e.id = der_assessments.event);
DROP TABLE old_events;
DROP TABLE der_findings;
DROP TABLE der_identifiers;
DROP TABLE der_search;
CREATE VIRTUAL TABLE der_search USING fts5(
    session UNINDEXED, id UNINDEXED, event_name, page_url, page_title, clicked, searched, words,
    content='der_events', content_rowid='number'
);
INSERT INTO der_search (der_search) VALUES ('rebuild');
ALTER TABLE der_event_requests RENAME TO old_event_requests;
CREATE TABLE der_event_requests (
    session TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_index INTEGER NOT NULL,
    event TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    transport TEXT NOT NULL,
    PRIMARY KEY (session, request_key, request_index)
) STRICT, WITHOUT ROWID;
INSERT INTO der_event_requests (session, request_key, request_index, event, ordinal, transport)
SELECT session, request_key, request_index, event, ordinal, transport FROM old_event_requests;
DROP TABLE old_event_requests;
CREATE INDEX der_event_requests_event ON der_event_requests (session, event);
CREATE VIEW sessions AS
SELECT s.id AS session, s.name, s.provenance, s.created_at, s.complete, s.public_address,
    (SELECT count(*) FROM obs_sources o WHERE o.session = s.id) AS sources,
    (SELECT count(*) FROM der_events e WHERE e.session = s.id) AS events,
    (SELECT count(*) FROM der_events e WHERE e.session = s.id AND e.ruleset_digest = d.ruleset_digest
        AND e.band IN ('medium', 'high', 'critical')) AS events_with_health_content,
    d.ruleset_digest, d.tool_version
FROM obs_sessions s LEFT JOIN der_sessions d ON d.session = s.id;
CREATE VIEW events AS
SELECT e.session, e.id AS event, strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_at, 'unixepoch') AS occurred_at,
    e.event_name, e.pixel_id, e.site, e.page_url, e.page_title, e.clicked, e.searched, e.delivery, e.linkability,
    e.page_class, e.consent_state,
    iif(d.session IS NULL, NULL, e.score) AS score, iif(d.session IS NULL, NULL, e.band) AS band,
    iif(d.session IS NULL, NULL, e.tier) AS tier, iif(d.session IS NULL, NULL, e.topics) AS topics,
    iif(d.session IS NULL, NULL, e.actions) AS actions,
    (SELECT count(*) FROM der_event_requests r WHERE r.session = e.session AND r.event = e.id) AS requests,
    coalesce((SELECT v.state FROM obs_reviews v JOIN der_event_requests r
        ON r.session = v.session AND r.request_key = v.request_key AND r.request_index = v.request_index
        WHERE v.session = e.session AND r.event = e.id ORDER BY v.id DESC LIMIT 1), 'unreviewed') AS review
FROM der_events e
LEFT JOIN der_sessions d ON d.session = e.session AND d.ruleset_digest = e.ruleset_digest;
CREATE VIEW findings AS
SELECT e.session, e.id AS event, e.site, e.page_url, e.event_name, json_extract(r.text, '$.category') AS category,
    json_extract(r.text, '$.kind') AS kind, json_extract(f.value, '$[1]') AS field,
    json_extract(f.value, '$[2]') AS parameter, json_extract(f.value, '$[3]') AS text,
    json_extract(f.value, '$[6]') AS points, json_extract(f.value, '$[0]') AS rule, r.version,
    json_extract(r.text, '$.reason') AS reason
FROM der_events e
JOIN der_sessions d ON d.session = e.session AND d.ruleset_digest = e.ruleset_digest
JOIN json_each(e.findings) f
LEFT JOIN der_rules r ON r.session = e.session AND r.ruleset_digest = e.ruleset_digest
    AND r.rule = json_extract(f.value, '$[0]');
CREATE VIEW identifiers AS
SELECT e.session, e.id AS event, e.site, e.pixel_id, json_extract(i.value, '$[0]') AS kind,
    json_extract(i.value, '$[1]') AS source, json_extract(i.value, '$[2]') AS parameter,
    json_extract(i.value, '$[3]') AS value, json_extract(i.value, '$[4]') AS form
FROM der_events e JOIN json_each(e.identifiers) i;
CREATE VIEW person_sightings AS
SELECT s.session, p.label, r.event, e.site, e.pixel_id, e.consent_state, s.place, s.name, s.kind, s.written, s.how,
    s.layers, s.request_key
FROM obs_persona_sightings s
JOIN obs_personas p ON p.id = s.persona
    AND p.id = (SELECT max(n.id) FROM obs_personas n WHERE n.session = p.session AND n.label = p.label)
LEFT JOIN der_event_requests r ON r.session = s.session AND r.request_key = s.request_key
    AND (s.request_index IS NULL OR r.request_index = s.request_index)
LEFT JOIN der_events e ON e.session = r.session AND e.id = r.event;
"""


def _run(db: Database, script: str) -> None:
    # `executescript` would commit behind the migration's back
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


@migrations(name="0001_observations_and_derivations")
def _first(db: Database) -> None:
    _run(db, _OBSERVATION_TABLES)
    _run(db, _DERIVATION_TABLES)
    _run(db, _VIEWS)


@migrations(name="0002_live")
def _live(db: Database) -> None:
    _run(db, _LIVE)


@migrations(name="0003_compact_events")
def _compact(db: Database) -> None:
    _run(db, _COMPACT)
    views = [view for view in _VIEWS.split(";\n") if view.strip() and "CREATE VIEW problems" not in view]
    _run(db, ";\n".join(_FINDINGS_WITH_REASONS if "CREATE VIEW findings" in view else view for view in views))


@migrations(name="0004_persona")
def _persona(db: Database) -> None:
    _run(db, _PERSONA)


@migrations(name="0005_linkability")
def _cookies_set(db: Database) -> None:
    _run(db, _COOKIES_SET)


@migrations(name="0006_consent")
def _consent(db: Database) -> None:
    _run(db, _CONSENT)


@migrations(name="0007_one_row_per_event")
def _one_row(db: Database) -> None:
    _run(db, _ONE_ROW)


def known_migrations() -> frozenset[str]:
    """Return the names of every migration that this version can apply."""
    empty = Database(memory=True)
    try:
        return frozenset(migration.name for migration in migrations.pending(empty))
    finally:
        empty.close()
