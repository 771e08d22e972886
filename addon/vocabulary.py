"""The closed lists of values that events, the database and reports use.

A list is closed within one schema version: a program that reads a report may rely on it.
`rules.model` owns the two lists that scoring decides (`Band`, `Tier`).
"""

from typing import Literal

EventKind = Literal["standard", "custom", "automatic_only"]
"""A name of Meta's list, a name the site chose, or a name only Meta's own code sends."""

Trigger = Literal["site_code", "automatic", "event_setup_tool", "unknown"]
"""What made the event leave: the site's own call, Meta's client by itself, or a rule set up in Meta's tool."""

Transport = Literal[
    "image",
    "form_post",
    "beacon",
    "fetch",
    "text_post",
    "sandbox_copy",
    "redirect",
    "noscript",
    "gateway",
    "batch",
]
"""How one request carried the event."""

Delivery = Literal["answered", "sent", "not_sent", "unknown"]
"""What is known of a request's arrival, strongest first.

`answered`: the recipient responded. `sent`: the whole request was forwarded, no answer was seen.
`not_sent`: it was held back or no connection to the recipient existed. `unknown`: an importer cannot tell.
"""

DELIVERY_STRENGTH: dict[Delivery, int] = {"answered": 3, "sent": 2, "unknown": 1, "not_sent": 0}

PageUrlFrom = Literal["dl", "referer", "hrl", "none"]
"""Where the page's address was read: the pixel's own parameter, the Referer header, a fingerprint, nowhere."""

Frame = Literal["top", "embedded", "unknown"]

Linkability = Literal["account", "contact", "external_id", "click_id", "browser_id", "cookie", "address_only"]
"""What ties an event to a person, strongest first."""

LINKABILITY_ORDER: tuple[Linkability, ...] = (
    "account",
    "contact",
    "external_id",
    "click_id",
    "browser_id",
    "cookie",
    "address_only",
)

ConsentState = Literal[
    "no_choice_yet", "refused", "partly_accepted", "accepted", "not_asked", "undetermined", "unknown"
]
ConsentBasis = Literal["marked", "observed", "inferred", "none"]
EvidenceKind = Literal["cookies", "set", "choice", "asks", "hides", "statement", "login", "logout"]
"""What a request shows of consent: by its cookies, by those that its answer set, by telling of a choice, by loading a
platform that asks, or one that keeps the choice where no request shows it, or by telling somebody else of consent.
The last two are of a login and its end."""

StatementKind = Literal[
    "google_consent_mode", "tc_string", "gpp", "us_privacy", "global_privacy_control", "limited_data_use",
    "library_first",
]  # fmt: skip
"""What is said of consent beside the choice itself, and decides no state: by the page to Google, to vendors of the
framework, under the laws of US states, by the browser, to Meta; and that Meta's program was there before an event."""

Says = Literal["granted", "denied"]
"""What such a statement comes to, where it comes to one of these."""

LoginState = Literal["marked", "observed", "unknown"]
"""How it is known that the visitor had logged in to the site; silence is no proof of the contrary."""

PageClass = Literal[
    "public", "condition", "booking", "results", "portal", "under_18", "shop", "corporate", "search", "unknown"
]
"""What kind of page an event stood on, as far as its address and title tell."""

ActKind = Literal["page_view", "click", "search", "form", "other"]
"""What the visitor did."""

ReviewState = Literal["unreviewed", "confirmed", "dismissed"]
MarkKind = Literal["accepted", "refused", "logged_in", "note"]
SourceKind = Literal["mitm", "har", "live"]
Provenance = Literal["recorded", "reconstruction"]
ParameterContext = Literal["query", "body", "header", "cookie"]

Resolver = Literal["meta", "advertiser", "list", "reader", "pseudonym", "provider", "nobody"]
"""Who can tell whose an identifier is: Meta; the site that gave it; anybody with a list of addresses or numbers to
hash; whoever reads it; whoever has a stronger one that came with it; the network's provider; nobody by it alone."""

LifetimeBasis = Literal["documented", "reported", "set_cookie"]
"""Who says how long an identifier lives: its maker's documentation or code, a third party, the answer that set it."""

NoJoin = Literal[
    "empty", "mask", "shared_by_many", "not_alone", "network", "a_list", "malformed", "not_known", "stands_for_any"
]
"""Why an identifier joins no events: see `addon.linkability`."""

TiesMissing = Literal["cookies_not_captured", "no_recipient_cookie"]
"""What is missing among the ties of an event: the capture holds no cookies, or the browser sent none."""

HistoryLevel = Literal["pixel", "meta"]
"""Whose view a history is: of one pixel by what its site knows too, or Meta's across all pixels."""

ConsentFindingKind = Literal["browser_id", "click_id", "facebook_cookie", "cookie_set", "pixel_program"]
"""What was made, sent, set or loaded at a moment that is held against the visitor's choice."""
