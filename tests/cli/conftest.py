"""A report with everything in it: sites, bands, a dismissed event, and values that attack their reader."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import profile
from cli.bonds import Bond
from cli.linked import EventTie, History, Joint, Lifetime, LinkedIdentifier, Visit
from cli.schema import (
    Act,
    BlockedKeys,
    Clock,
    Configuration,
    Consent,
    ConsentContradiction,
    ConsentFinding,
    ConsentProof,
    ConsentStatement,
    Coverage,
    Declared,
    Event,
    Feature,
    Filter,
    Finding,
    Identifier,
    Jurisdiction,
    Mark,
    NearMiss,
    Observed,
    OtherCategories,
    Page,
    PageReason,
    Parameter,
    Problem,
    PublicAddress,
    Report,
    Request,
    Review,
    RuleText,
    Session,
    Source,
    Step,
    ToolRule,
)

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
FORMULA = "=cmd|' /C calc'!A0"
ANSI = "\x1b[2J\x1b[31mred\x1b]0;owned\x07"
REVERSED = "\u202egnp.exe\u202c"
NULL = "nu\0ll"
LONG = "long-" + "0123456789" * 300
HOSTILE = (SCRIPT, IMAGE, FORMULA, ANSI, REVERSED, NULL, LONG)

UPDATE = os.environ.get("PIXELWITNESS_UPDATE_GOLDEN") == "1"
GOLDEN = Path(__file__).parent / "golden"

MEANINGS = {
    "id": "number of the pixel",
    "ev": "name of the event",
    "dl": "address of the page",
    "rl": "address of the page before",
    "ts": "time on the visitor's clock",
    "sw": "width of the screen",
    "cd[buttonText]": "text of the button that was clicked",
    "cd[buttonFeatures]": "attributes of the button and the address it leads to",
    "cd[search_string]": "what was searched for",
    "cd[content_name]": "name of a product or content, given by the site",
    "pmd[title]": "title of the page",
    "fbp": "browser id set by Meta's code",
    "udff[em]": "e-mail address from a form field, hashed",
}

BEFORE = Consent(
    state="no_choice_yet",
    basis="observed",
    last_before=ConsentProof(state="no_choice_yet", at="2026-03-02T14:05:29.000Z", proof="banner configuration loaded"),
    first_after=ConsentProof(
        state="refused", at="2026-03-02T14:07:02.410Z", proof="cookie_consent=rejected in a request"
    ),
)
REFUSED = Consent(
    state="refused",
    basis="inferred",
    last_before=ConsentProof(
        state="refused", at="2026-03-02T14:07:02.410Z", proof="cookie_consent=rejected in a request"
    ),
    first_after=None,
    contradictions=(
        ConsentContradiction(state="accepted", at="2026-03-02T14:06:59.000Z", proof="a click on “Accept” " + SCRIPT),
        ConsentContradiction(state=None, at="2026-03-02T14:07:02.410Z", proof="its own time does not fit " + FORMULA),
    ),
    statements=(
        ConsentStatement(
            kind="google_consent_mode",
            says="granted",
            at="2026-03-02T14:07:02.600Z",
            text="the page told Google: ad_storage denied by default, then granted " + ANSI,
        ),
    ),
)
ACCEPTED = Consent(
    state="accepted",
    basis="marked",
    last_before=ConsentProof(state="accepted", at="2026-03-02T14:20:00.000Z", proof="stated by the investigator"),
    first_after=None,
)
NOT_ASKED = Consent(state="not_asked", basis="observed", last_before=None, first_after=None)
UNKNOWN = Consent(state="unknown", basis="none", last_before=None, first_after=None)

ACCOUNT = Identifier(
    kind="c_user",
    source="cookie",
    value="1000…4821",
    person_matched=True,
    parameter="cookie c_user",
    form="plain",
    meaning="number of the Facebook account logged in in this browser",
    created_at=None,
    note=None,
)
BROWSER = Identifier(
    kind="fbp",
    source="parameter",
    value="fb.1.1772…6734",
    person_matched=None,
    parameter="fbp",
    form="plain",
    meaning="browser id set by Meta's code",
    created_at="2026-03-02T14:05:30.000Z",
    note=None,
)
EMAIL = Identifier(
    kind="em",
    source="udff",
    value="3b1f…9a02",
    person_matched=True,
    parameter="udff[em]",
    form="sha256",
    meaning="e-mail address, hashed",
    created_at=None,
    note="read at the click",
)
TIES = {
    "account": (ACCOUNT, BROWSER),
    "contact": (EMAIL, BROWSER),
    "browser_id": (BROWSER,),
    "address_only": (),
}


FILTERS = (
    Filter(parameter="pm", text="Protected-data mode: the client cut the page's address to its origin."),
    Filter(parameter="rp", text="Keys removed from custom data, given as SHA-256 of their names: “diagnosis”."),
)
STILL_LEFT = ("the site's name", "what was searched for", "identifiers: em, fbp")


def finding(
    rule: str,
    category: str,
    field: str,
    parameter: tuple[str, str],
    text: str,
    points: int,
    kind: str = "topic",
) -> Finding:
    """Return a finding about the first place of `text` in the parameter's value."""
    name, value = parameter
    start = value.find(text)
    return Finding(
        rule=rule,
        version=2,
        category=category,
        kind=kind,
        field=field,
        parameter=name,
        text=text,
        start=start if start >= 0 else None,
        end=start + len(text) if start >= 0 else None,
        points=points,
        reason=f"“{text}” names {category.replace('_', ' ')}.",
        legal_basis="Art. 4(15) and 9(1) GDPR: data concerning health.",
    )


LINKS = {"c_user": "account", "em": "contact", "fbp": "browser_id"}
DAYS_90 = Lifetime(seconds=7_776_000, basis="documented", text="90 days, as Meta documents it")
NAMES = {"c_user": "Facebook account A", "fbp": "browser id A", "em": "e-mail address A"}
RESOLVED = {"c_user": "meta", "fbp": "pseudonym", "em": "list"}


def _tie(found: Identifier) -> EventTie:
    return EventTie.model_validate(
        {
            "link": LINKS[found.kind],
            "kind": found.kind,
            "name": NAMES[found.kind],
            "what": found.meaning,
            "value": found.value,
            "form": found.form,
            "sources": (found.source,),
            "joins": True,
            "why_not": None,
            "resolvable_by": RESOLVED[found.kind],
            "lifetime": DAYS_90 if found.kind == "fbp" else None,
            "created_at": found.created_at,
            "first_seen_at": "2026-03-02T14:05:31.120Z",
        }
    )


def _linked(found: Identifier, events: int, sites: tuple[str, ...], through: Joint | None) -> LinkedIdentifier:
    return LinkedIdentifier.model_validate(
        {
            "name": NAMES[found.kind],
            "link": LINKS[found.kind],
            "kind": found.kind,
            "value": found.value,
            "resolvable_by": RESOLVED[found.kind],
            "lifetime": DAYS_90 if found.kind == "fbp" else None,
            "created_at": found.created_at,
            "first_seen_at": "2026-03-02T14:05:31.120Z",
            "last_seen_at": "2026-03-02T15:00:05.000Z",
            "events": events,
            "sites": sites,
            "pixel_ids": ("112233445566778",),
            "sessions": ("trust-0a1b2c",),
            "through": through,
        }
    )


def _histories() -> tuple[History, ...]:
    """Return a history over two sites, one of which attacks its reader, and what one pixel's site could join of it."""
    sites = ("example-trust.example", f"odd{SCRIPT}.example")
    joint = Joint(
        name="Facebook account A",
        session="trust-0a1b2c",
        event_id="ev01c0ffee",
        event_name=f"PageView{ANSI}",
        site=sites[0],
        page_url=f"https://example-trust.example/{IMAGE}",
        at="2026-03-02T14:05:31.120Z",
    )
    names = (("Facebook account A", "browser id A"), ("Facebook account A", "e-mail address A"))
    visits = tuple(
        Visit(
            session="trust-0a1b2c",
            site=site,
            pixel_ids=("112233445566778",),
            started_at=f"2026-03-02T1{4 + number}:05:31.120Z",
            ended_at=f"2026-03-02T1{4 + number}:09:00.000Z",
            event_ids=(f"ev0{number + 1}c0ffee",),
            act_ids=(f"act0{number + 1}",),
            health_act_ids=("act01",) if number == 0 else (),
            pages=1,
            identifiers=names[number],
        )
        for number, site in enumerate(sites)
    )
    common = {
        "cautions": ("It holds 2 different values.",),
        "sessions": ("trust-0a1b2c",),
        "started_at": "2026-03-02T14:05:31.120Z",
        "ended_at": "2026-03-02T15:09:00.000Z",
        "health_acts": 1,
    }
    whole = History(
        level="meta",
        pixel_id=None,
        strongest="account",
        text="Facebook account A came with all 2 events on 2 sites, so that they could be joined.",
        identifiers=(
            _linked(ACCOUNT, 2, sites, None),
            _linked(EMAIL, 1, sites[1:], joint),
            _linked(BROWSER, 1, sites[:1], joint),
        ),
        visits=visits,
        event_ids=("ev01c0ffee", "ev02c0ffee"),
        sites=sites,
        pixel_ids=("112233445566778",),
        events=2,
        direct=2,
        acts=2,
        **common,
    )
    part = whole.model_copy(
        update={
            "level": "pixel",
            "pixel_id": "112233445566778",
            "strongest": "browser_id",
            "text": "Browser id A came with one event on 1 site.",
            "cautions": (),
            "identifiers": (_linked(BROWSER, 1, sites[:1], None),),
            "visits": (visits[0].model_copy(update={"identifiers": ("browser id A",)}),),
            "event_ids": ("ev01c0ffee",),
            "sites": sites[:1],
            "events": 1,
            "direct": 1,
            "acts": 1,
        }
    )
    single = whole.model_copy(
        update={
            "text": "Browser id A came with one event.",
            "cautions": (),
            "identifiers": (_linked(BROWSER, 1, (), None),),
            "visits": (visits[0].model_copy(update={"identifiers": ("browser id A",)}),),
            "event_ids": ("ev03c0ffee",),
            "sites": (),
            "events": 1,
            "direct": 1,
            "acts": 1,
            "health_acts": 0,
        }
    )
    return (whole, single, part)


def _consent_findings() -> tuple[ConsentFinding, ...]:
    """Return a browser id made before a choice, a cookie on a site that attacks its reader, a script after refusal."""
    common = {
        "last_before": BEFORE.last_before,
        "first_after": BEFORE.first_after,
        "created_at": None,
        "not_before": None,
        "brought_along": False,
        "lifetime_seconds": None,
        "identifier": None,
        "value": None,
        "event_ids": (),
        "request_ids": ("rq01",),
        "notes": (),
    }
    given = (
        {
            **common,
            "what": "browser_id",
            "site": "example-trust.example",
            "name": "_fbp",
            "identifier": "browser id A",
            "value": BROWSER.value,
            "at": "2026-03-02T14:05:30.000Z",
            "state": "no_choice_yet",
            "basis": "observed",
            "created_at": BROWSER.created_at,
            "first_seen_at": "2026-03-02T14:05:31.120Z",
            "states": {"no_choice_yet": 3, "refused": 1},
            "event_ids": ("ev01c0ffee",),
            "text": "The browser id A (_fbp) was made at 2026-03-02 14:05:30.000 UTC, before any choice was seen.",
            "notes": ("First carried at 2026-03-02 14:05:31.120 UTC.",),
        },
        {
            **common,
            "what": "facebook_cookie",
            "site": f"odd{SCRIPT}{REVERSED}.example",
            "name": "c_user",
            "at": "2026-03-02T14:05:31.120Z",
            "state": "unknown",
            "basis": "none",
            "last_before": None,
            "first_after": None,
            "first_seen_at": "2026-03-02T14:05:31.120Z",
            "states": {"unknown": 2},
            "text": "The account cookie c_user went to Meta with 2 requests from pages of this site.",
        },
        {
            **common,
            "what": "pixel_program",
            "site": None,
            "name": "library",
            "at": "2026-03-02T14:08:00.000Z",
            "state": "refused",
            "basis": "inferred",
            "last_before": REFUSED.last_before,
            "first_after": None,
            "first_seen_at": "2026-03-02T14:08:00.000Z",
            "states": {"refused": 1},
            "text": "Pages of this site asked for Meta's pixel script.",
        },
    )
    return tuple(ConsentFinding.model_validate(item) for item in given)


class Maker:
    """Builds events and the acts they belong to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.acts: list[Act] = []

    def event(
        self,
        at: str,
        name: str,
        page: str,
        *,
        site: str | None = "example-trust.example",
        title: str = "",
        values: dict[str, str] | None = None,
        findings: tuple[Finding, ...] = (),
        score: int = 0,
        band: str = "none",
        tier: str = "none",
        topics: tuple[str, ...] = (),
        actions: tuple[str, ...] = (),
        consent: Consent = BEFORE,
        link: str = "browser_id",
        delivery: str = "answered",
        review: Review | None = None,
        client_ip: str | None = "192.168.1.20",
        page_class: str = "public",
        clicked: str | None = None,
        searched: str | None = None,
        frame: str = "top",
        near: tuple[NearMiss, ...] = (),
        pixel: str = "112233445566778",
        complete: bool = True,
        more: dict[str, Any] | None = None,
    ) -> Event:
        """Add one event."""
        number = len(self.events) + 1
        stamp = f"2026-03-02T{at}Z"
        given = {"id": pixel, "ev": name, "dl": page, "ts": "1772460330000", "sw": "1440", **(values or {})}
        steps, total = [], 0
        for item in findings:
            total += item.points
            steps.append(Step(label=f"{item.kind} {item.rule}", delta=item.points, total=total))
        if total != score:
            steps.append(Step(label="provider host" if score > total else "cap", delta=score - total, total=score))
        made = Event.model_validate(
            {
                "id": f"ev{number:02d}c0ffee",
                "event_name": name,
                "kind": "automatic_only" if name in {"SubscribedButtonClick", "Microdata"} else "standard",
                "trigger": "automatic" if name in {"SubscribedButtonClick", "Microdata"} else "site_code",
                "pixel_id": pixel,
                "recipient_host": "www.facebook.com",
                "site": site,
                "page_url": page or None,
                "page_url_from": "dl" if page else "none",
                "page_title": title or None,
                "frame": frame,
                "referrer_url": None,
                "clicked": clicked,
                "searched": searched,
                "occurred_at": stamp,
                "client_time": stamp.replace("Z", "Z"),
                "client_ip": client_ip,
                "delivery": delivery,
                "consent": consent,
                "page_class": page_class,
                "linkability": link,
                "linkability_complete": complete,
                "derived_from": None,
                "score": score,
                "band": band,
                "tier": tier,
                "topics": topics,
                "actions": actions,
                "review": review or Review(state="unreviewed", reason=None, by=None, at=None),
                "requests": (
                    Request.model_validate(
                        {
                            "id": f"rq{number:02d}",
                            "source": "s1",
                            "position": number * 4096,
                            "sha256": f"{number:02x}" * 32,
                            "method": "GET",
                            "url": f"https://www.facebook.com/tr/?id={pixel}&ev={name}",
                            "http_version": "HTTP/2.0",
                            "status": 200 if delivery == "answered" else None,
                            "delivery": delivery,
                            "server_address": "203.0.113.7:443",
                            "started_at": stamp,
                            "transport": "image",
                        }
                    ),
                ),
                "parameters": tuple(
                    Parameter(
                        name=key,
                        value=value,
                        context="query",
                        meaning=MEANINGS.get(key),
                        documented=key in MEANINGS,
                    )
                    for key, value in given.items()
                ),
                "identifiers": TIES[link],
                "ties": tuple(_tie(found) for found in TIES[link]),
                "ties_missing": () if complete else ("cookies_not_captured",),
                "findings": findings,
                "near_misses": near,
                "steps": tuple(steps),
                "library": "2.9.383",
                **(more or {}),
            }
        )
        self.events.append(made)
        return made

    def act(self, kind: str, *events: Event) -> None:
        """Add one act with these events."""
        ranks = ("none", "low", "medium", "high", "critical")
        self.acts.append(
            Act.model_validate(
                {
                    "id": f"act{len(self.acts) + 1:02d}",
                    "kind": kind,
                    "site": events[0].site,
                    "page_url": events[0].page_url,
                    "at": events[0].occurred_at,
                    "event_ids": tuple(event.id for event in events),
                    "band": max((event.band for event in events), key=ranks.index),
                    "topics": tuple(dict.fromkeys(topic for event in events for topic in event.topics)),
                }
            )
        )


def _trust(make: Maker) -> None:
    """Add a hospital trust with a banner: before choice, after refusal."""
    home = "https://www.example-trust.example/"
    make.act("page_view", make.event("14:05:30.120", "PageView", home, title="Example Trust", consent=BEFORE))
    page = "https://www.example-trust.example/conditions/hiv-patient-handbook?utm_source=newsletter#medication"
    title = ("pmd[title]", "HIV medication: a handbook for patients | Example Trust")
    view = make.event(
        "14:06:02.881",
        "PageView",
        page,
        title=title[1],
        values=dict([title]),
        findings=(
            finding("topics/hiv", "hiv_sexual_health", "page.path", ("dl", page), "hiv-patient", 70),
            finding("topics/hiv", "hiv_sexual_health", "page.title", title, "HIV medication", 0),
            finding("context/patients", "provider", "page.title", title, "for patients", 10, "context"),
        ),
        score=80,
        band="critical",
        tier="special_risk",
        topics=("hiv_sexual_health",),
        link="account",
        page_class="condition",
        near=(NearMiss(rule="topics/medicine", field="page.path", text="medication", why="stands in a fragment"),),
    )
    view = view.model_copy(
        update={
            "page_class_reason": PageReason(
                text="a rule met these words",
                rule="topics/hiv",
                field="page.path",
                parameter="dl",
                matched="hiv-patient",
                start=44,
                end=55,
            ),
            "logged_in": "observed",
            "logged_in_reason": "a form was sent to a login address (/…/login)",
            "jurisdictions": (
                Jurisdiction(
                    area="United States", criterion="A criterion.", facts=("words that scored: “hiv” " + IMAGE,)
                ),
            ),
        }
    )
    make.events[-1] = view
    make.act("page_view", view, make.event("14:06:03.420", "Microdata", page, title=title[1], link="account"))
    button = ("cd[buttonText]", "I am under 18 and need mental health services")
    features = '{"classList":"btn","destination":"https://www.example-trust.example/camhs/self-referral","id":"x1"}'
    make.act(
        "click",
        make.event(
            "14:06:41.003",
            "SubscribedButtonClick",
            "https://www.example-trust.example/camhs",
            title="Children and young people",
            values={**dict([button]), "cd[buttonFeatures]": features},
            findings=(
                finding("topics/mental-health", "mental_health", "button.text", button, "mental health", 70),
                finding(
                    "actions/refer",
                    "referral",
                    "destination.path",
                    ("cd[buttonFeatures]", features),
                    "self-referral",
                    25,
                    "action",
                ),
            ),
            score=95,
            band="critical",
            tier="special_risk",
            topics=("mental_health", "children_young_people"),
            actions=("referral",),
            link="account",
            page_class="under_18",
            clicked=button[1],
            review=Review(state="confirmed", reason="seen on screen", by="A. Reporter", at="2026-03-03T09:00:00.000Z"),
        ),
    )
    order = ("cd[buttonText]", "Order repeat prescription")
    make.act(
        "click",
        make.event(
            "14:07:31.550",
            "SubscribedButtonClick",
            "https://www.example-trust.example/pharmacy",
            title="Hospital pharmacy",
            values=dict([order]),
            findings=(
                finding(
                    "actions/prescription",
                    "repeat_prescription",
                    "button.text",
                    order,
                    "Order repeat prescription",
                    40,
                    "action",
                ),
            ),
            score=50,
            band="medium",
            tier="health",
            actions=("repeat_prescription",),
            consent=REFUSED,
            clicked=order[1],
            delivery="sent",
        ),
    )
    jobs = "https://www.example-trust.example/careers/mental-health-nurse"
    make.act(
        "page_view",
        make.event(
            "14:08:12.100",
            "PageView",
            jobs,
            title="Mental health nurse vacancy",
            findings=(
                finding("topics/mental-health", "mental_health", "page.path", ("dl", jobs), "mental-health", 45),
            ),
            score=45,
            band="medium",
            tier="special_risk",
            topics=("mental_health",),
            consent=REFUSED,
            review=Review(
                state="dismissed",
                reason="A job advertisement, not care <b>of the visitor</b>",
                by="A. Reporter",
                at="2026-03-03T09:10:00.000Z",
            ),
        ),
    )
    parking = "https://www.example-trust.example/visiting/appointments"
    make.act(
        "page_view",
        make.event(
            "14:08:40.000",
            "PageView",
            parking,
            title="Your visit",
            findings=(
                finding(
                    "actions/appointment",
                    "appointment",
                    "page.path",
                    ("dl", parking),
                    "appointments",
                    30,
                    "action",
                ),
            ),
            score=30,
            band="low",
            tier="health",
            actions=("appointment",),
            consent=REFUSED,
        ),
    )


def _clinic(make: Maker) -> None:
    """Add a clinic without a banner, and a request that was held back."""
    search = ("cd[search_string]", "waiting time gender identity referral under 18")
    make.act(
        "search",
        make.event(
            "14:21:05.250",
            "Search",
            "https://clinic.example/search?q=gender+identity",
            site="clinic.example",
            title="Search results",
            values=dict([search]),
            findings=(
                finding("topics/gender", "gender_identity", "search.term", search, "gender identity", 60),
                finding("actions/refer", "referral", "search.term", search, "referral", 10, "action"),
            ),
            score=70,
            band="high",
            tier="special_risk",
            topics=("gender_identity",),
            actions=("referral",),
            consent=NOT_ASKED,
            link="contact",
            page_class="search",
            searched=search[1],
            client_ip="203.0.113.55",
            pixel="998877665544332",
            more={
                "agent": "tmgoogletagmanager",
                "page_url_from": "hrl",
                "page_evidence": "A fingerprint (hrl=36bf63) fits this page and no other.",
                "filters": FILTERS,
                "still_left": STILL_LEFT,
            },
        ),
        make.event(
            "14:21:05.260",
            "Search",
            "https://clinic.example/search?q=gender+identity",
            site="clinic.example",
            title="Search results",
            values=dict([search]),
            findings=(finding("topics/gender", "gender_identity", "search.term", search, "gender identity", 60),),
            score=60,
            band="high",
            tier="special_risk",
            topics=("gender_identity",),
            consent=NOT_ASKED,
            page_class="search",
            searched=search[1],
            client_ip="203.0.113.55",
            pixel="445566778899001",
            more={"trigger": "event_setup_tool", "derived_from": make.events[-1].id},
        ),
    )
    make.act(
        "click",
        make.event(
            "14:22:10.000",
            "Lead",
            "https://clinic.example/referral",
            site="clinic.example",
            title="Make a referral",
            findings=(
                finding(
                    "topics/gender",
                    "gender_identity",
                    "page.host",
                    ("dl", "https://clinic.example/referral"),
                    "clinic",
                    60,
                ),
            ),
            score=60,
            band="high",
            tier="special_risk",
            topics=("gender_identity",),
            consent=NOT_ASKED,
            clicked="Refer me",
            delivery="not_sent",
            pixel="998877665544332",
        ),
    )


def _shop(make: Maker) -> None:
    """Add a pharmacy read from a HAR: no addresses, cookies missing, consent not known."""
    content = ("cd[content_name]", "Emergency contraception 1.5 mg tablet")
    make.act(
        "form",
        make.event(
            "16:40:00.000",
            "AddToCart",
            "https://shop.pharmacy.example/product/4711",
            site="pharmacy.example",
            title="Product",
            values=dict([content]),
            findings=(
                finding("topics/contraception", "contraception", "content", content, "Emergency contraception", 70),
            ),
            score=78,
            band="high",
            tier="special_risk",
            topics=("contraception",),
            actions=("medicine_basket",),
            consent=UNKNOWN,
            link="address_only",
            complete=False,
            client_ip=None,
            page_class="shop",
            frame="embedded",
            delivery="unknown",
        ),
    )
    make.act(
        "page_view",
        make.event(
            "16:41:00.000",
            "PageView",
            "https://shop.pharmacy.example/",
            site="pharmacy.example",
            consent=ACCEPTED,
            client_ip=None,
        ),
    )


def _attacks(make: Maker) -> None:
    """Add a site whose every value attacks its reader."""
    page = f"https://hostile.example/{SCRIPT}?q={IMAGE}&long={LONG}"
    title = (
        "pmd[title]",
        f"{FORMULA} {ANSI} depression {REVERSED} {NULL} {SCRIPT} `tick` | pipe *star* [link](x)",
    )
    make.act(
        "page_view",
        make.event(
            "17:00:00.000",
            "PageView",
            page,
            site="hostile.example",
            title=title[1],
            values={title[0]: title[1], f"cd[{SCRIPT}]": IMAGE, "cd[long]": f"{LONG} depression {LONG}"},
            findings=(
                finding("topics/mental-health", "mental_health", "page.title", title, f"depression {REVERSED}", 40),
                finding(
                    "topics/mental-health",
                    "mental_health",
                    "content",
                    ("cd[long]", f"{LONG} depression {LONG}"),
                    "depression",
                    0,
                ),
                finding("topics/<i>", "<b>bold</b>", "content", ("gone", "short…"), IMAGE, 0),
            ),
            score=40,
            band="medium",
            tier="health",
            topics=("mental_health", "<b>bold</b>"),
            consent=UNKNOWN,
            near=(NearMiss(rule="topics/ed", field="page.path", text=SCRIPT, why=FORMULA),),
            more={
                "library": ANSI,
                "agent": SCRIPT,
                "derived_from": "gone",
                "page_evidence": IMAGE,
                "filters": (Filter(parameter=FORMULA, text=f"removed {SCRIPT} {ANSI}"),),
                "still_left": (f"custom data: {IMAGE}", FORMULA),
            },
        ),
    )
    make.act(
        "click",
        make.event(
            "17:00:05.000",
            FORMULA,
            "",
            site=None,
            title=ANSI,
            clicked=IMAGE,
            values={"cd[buttonText]": IMAGE},
            findings=(
                finding(
                    "topics/mental-health",
                    "mental_health",
                    "button.text",
                    ("cd[buttonText]", IMAGE),
                    "onerror",
                    62,
                ),
            ),
            score=62,
            band="high",
            tier="health",
            topics=("mental_health",),
            consent=UNKNOWN,
            review=Review(state="confirmed", reason=SCRIPT, by=IMAGE, at="2026-03-03T09:00:00.000Z"),
        ),
    )


def _plain(make: Maker) -> None:
    """Add a site in whose events no rule found anything."""
    page = "https://plain.example/"
    make.act("page_view", make.event("17:10:00.000", "PageView", page, site="plain.example", title="Plain"))


DECLARED = Declared(
    sha256="9a" * 32,
    library_version="2.9.383",
    features=(
        Feature(name="AutomaticMatching", enabled=True, meaning="contact details are read from form fields"),
        Feature(name="InferredEvents", enabled=True, meaning="clicks on buttons are reported"),
        Feature(name="ScrollDepth", enabled=False, meaning="how far the visitor scrolled is measured"),
        Feature(name=SCRIPT, enabled=True, meaning=None),
    ),
    matched_keys=("em", "ph"),
    allowed_in_protected_mode=tuple(f"key_{number}" for number in range(12)),
    blocked=(
        BlockedKeys(
            event="PageView",
            custom_data=("condition",),
            address=("dept", IMAGE),
            hashed=("ab" * 32, "cd" * 32),
            found=("diagnosis",),
        ),
    ),
    rules=(
        ToolRule(kind="event_setup_tool", id="12", text="where the text of the clicked button is “Book”, Lead is sent"),
        *(
            ToolRule(kind="audience", id=str(number), text=f"the page's address contains “/topic-{number}{ANSI}”")
            for number in range(9)
        ),
    ),
    gateways=("https://gateway.clinic.example/events",),
    not_read=1,
)
QUIET = Observed(
    events=0,
    automatic_events=0,
    event_setup_tool_events=0,
    matched_keys=(),
    page_texts=False,
    gateway_copies=0,
    protected_mode=False,
)


def _configurations() -> tuple[Configuration, ...]:
    """Return the configurations of two pixels: of one only the request was captured, of one the script too."""
    shared = {"source": "s1", "fetched_at": "2026-03-02T14:05:29.500Z"}
    return (
        Configuration(
            pixel_id="112233445566778",
            domain=None,
            declared=None,
            observed=QUIET.model_copy(update={"events": 8, "automatic_events": 3, "page_texts": True}),
            **shared,
        ),
        Configuration(
            pixel_id="998877665544332",
            domain="clinic.example",
            declared=DECLARED,
            observed=QUIET.model_copy(
                update={
                    "events": 2,
                    "matched_keys": ("em", "external_id"),
                    "protected_mode": True,
                    "filtered_events": 1,
                }
            ),
            **shared,
        ),
    )


def _note(at: str, site: str, text: str, kind: str = "note") -> Mark:
    return Mark.model_validate(
        {"at": f"2026-03-02T{at}Z", "kind": kind, "site": site, "text": text, "by": "A. Reporter"}
    )


def _page(at: str, url: str, title: str | None, events: int, *fetched: str) -> Page:
    site = url.split("/")[2].removeprefix("www.").removeprefix("shop.")
    return Page(url=url, title=title, site=site, at=f"2026-03-02T{at}Z", events=events, fetched=fetched)


def _pages() -> tuple[Page, ...]:
    """Return pages with events, without any, and of sites on which no event was seen."""
    return (
        _page("14:05:29.000", "https://www.example-trust.example/", "Example Trust", 1, "configuration", "library"),
        _page("14:06:02.000", "https://www.example-trust.example/conditions/hiv-patient-handbook", "HIV", 6),
        _page("14:09:00.000", "https://www.example-trust.example/privacy", None, 0),
        _page("14:21:00.000", "https://clinic.example/search?q=gender+identity", "Search results", 3),
        _page("15:00:00.000", "https://loading.example/", "Loading", 0, "library"),
        _page("15:01:00.000", f"https://silent.example/{SCRIPT}", f"Silent {ANSI}", 0),
    )


def bonds_of(event: Event) -> tuple[Bond, ...]:
    """Return what can join an event to others; the values of these reports are whole as they stand."""
    return tuple(
        Bond(link=LINKS[found.kind], kind=found.kind, value=found.value, shown=found.value)
        for found in event.identifiers
    )


def with_profile(report: Report, **changes: Any) -> Report:
    """Return a report with these changes, and with what follows from its acts and events."""
    report = report.model_copy(update=changes)
    bonds = {event.id: bonds_of(event) for event in report.events}
    tiers = {rule.category: rule.tier for rule in report.rules}
    again = report.session.provenance == "reconstruction"
    return report.model_copy(
        update={
            "inferences": profile.inferences(report.acts, report.events, bonds, tiers=tiers, reconstruction=again),
            "stories": profile.stories(report.acts, report.events),
        }
    )


def build() -> Report:
    """Return the report."""
    return with_profile(_build())


def _build() -> Report:
    make = Maker()
    _trust(make)
    _clinic(make)
    _shop(make)
    _attacks(make)
    _plain(make)
    return Report(
        generated_at="2026-03-04T10:00:00.000Z",
        revealed=False,
        min_score=0,
        session=Session(
            id="trust-0a1b2c",
            name="Spring walk",
            provenance="recorded",
            started_at="2026-03-02T14:05:29.000Z",
            ended_at="2026-03-02T17:00:05.000Z",
            tool_version="0.1.0",
            ruleset_digest="sha256:" + "ab" * 32,
            complete=True,
            public_address=PublicAddress(
                value="198.51.100.…", stated_by="A. Reporter", stated_at="2026-03-02T14:00:00.000Z"
            ),
            clock=Clock(skew_ms=-12, spread_ms=40, basis="clock of the proxy"),
        ),
        sources=(
            Source(
                id="s1",
                name="walk.mitm",
                sha256="cd" * 32,
                bytes=812345,
                kind="mitm",
                read_to=812345,
                complete=True,
            ),
            Source(
                id="s2",
                name=f"shop{SCRIPT}.har",
                sha256="ef" * 32,
                bytes=99,
                kind="har",
                read_to=4,
                complete=True,
            ),
        ),
        coverage=Coverage(
            requests_seen=412,
            requests_matched=17,
            requests_decoded=16,
            requests_failed=1,
            pages_visited=11,
            blind_spots=(
                "TLS failures: not recorded in this kind of capture",
                f"cookies missing from shop.har {ANSI}",
            ),
            other_requests={"pixel_configuration": 4},
        ),
        acts=tuple(make.acts),
        events=tuple(make.events),
        rules=(
            RuleText(
                rule="topics/hiv",
                version=2,
                title="HIV: treatment and prevention",
                category="hiv_sexual_health",
                tier="special_risk",
                reason="names HIV",
                legal_basis="Art. 9(1) GDPR",
                text="{}",
            ),
        ),
        configurations=_configurations(),
        pages=_pages(),
        histories=_histories(),
        unjoined_events=("ev04c0ffee",),
        consent_findings=_consent_findings(),
        marks=(
            Mark(
                at="2026-03-02T14:07:00.000Z",
                kind="refused",
                site="example-trust.example",
                text="clicked “Reject all”",
                by="A. Reporter",
            ),
            Mark(
                at="2026-03-02T14:20:00.000Z",
                kind="note",
                site=None,
                text=f"went on to the clinic {SCRIPT}",
                by=None,
            ),
            _note("14:05:35.000", "example-trust.example", "R01, Example Trust: a patient handbook"),
            _note("14:05:30.000", "example-trust.example", "", kind="logged_in"),
            _note("17:10:00.000", "plain.example", f"R20, Plain: named; no particulars published {SCRIPT}{ANSI}"),
            _note("15:00:00.000", "loading.example", "the banner stayed open"),
        ),
        problems=(Problem(where="walk.mitm at 20480", what=f"body could not be decoded: {SCRIPT}{ANSI}"),),
    )


@pytest.fixture(scope="session")
def report() -> Report:
    """Return a recorded report with hostile values in it."""
    return build()


@pytest.fixture(scope="session")
def reconstruction(report: Report) -> Report:
    """Return the same report as a reconstruction."""
    session = report.session.model_copy(update={"provenance": "reconstruction"})
    return with_profile(report, session=session)


def _other(event: Event, score: int, band: str) -> Event:
    """Return an event in which optional packs found religion, in words that attack their reader."""
    hostile = f"mosque {SCRIPT} {ANSI}"
    found = finding("en/religion/worship", "religion", "page.title", ("pmd[title]", hostile), hostile, score)
    other = OtherCategories.model_validate(
        {
            "score": score,
            "band": band,
            "categories": ("religion",),
            "findings": (found,),
            "near_misses": (NearMiss(rule="en/religion/faith", field="page.path", text=IMAGE, why=FORMULA),),
            "steps": (Step(label=f"topic religion {SCRIPT}", delta=score, total=score),),
        }
    )
    return event.model_copy(update={"other": other})


@pytest.fixture(scope="session")
def packed(report: Report) -> Report:
    """Return the report with what optional packs say: a finding beside health, one without, one dismissed."""
    found = {0: (70, "high"), 1: (45, "medium"), 5: (30, "low"), 6: (10, "none")}
    events = tuple(
        _other(event, *found[number]) if number in found else event for number, event in enumerate(report.events)
    )
    rule = report.rules[0].model_copy(
        update={"rule": "en/religion/worship", "title": "Worship", "category": "religion"}
    )
    return report.model_copy(
        update={
            "events": events,
            "packs": ("religion", "vulnerable_situations"),
            "packs_digest": "sha256:" + "cd" * 32,
            "other_rules": (rule,),
        }
    )


@pytest.fixture(scope="session")
def revealed(report: Report) -> Report:
    """Return the same report with identifiers in full."""
    return report.model_copy(update={"revealed": True})


@pytest.fixture(scope="session")
def empty(report: Report) -> Report:
    """Return a report of a session in which nothing was sent."""
    nothing = ("acts", "events", "rules", "configurations", "pages", "marks", "problems")
    nothing += ("histories", "unjoined_events", "consent_findings")
    return with_profile(report, **dict.fromkeys(nothing, ()))


@pytest.fixture(scope="session")
def hostile() -> tuple[str, ...]:
    """Return the values that attack their reader."""
    return HOSTILE


@pytest.fixture(scope="session")
def golden() -> Callable[[str, str], None]:
    """Compare with a golden file; `PIXELWITNESS_UPDATE_GOLDEN=1` writes it."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if UPDATE:
            path.write_bytes(text.encode())
        assert path.read_bytes().decode() == text, f"{name} differs; PIXELWITNESS_UPDATE_GOLDEN=1 rewrites it"

    return check
