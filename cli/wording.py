"""Plain words for every closed value a report holds, and the texts that say what a report can prove.

Text never says that an organisation sent or leaked anything: a page made this browser send it. Bands are
indications. Legal notes state criteria and facts, never a verdict.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from addon.vocabulary import (
    ActKind,
    ConsentBasis,
    ConsentState,
    Delivery,
    EventKind,
    Frame,
    Linkability,
    LoginState,
    MarkKind,
    PageClass,
    PageUrlFrom,
    ParameterContext,
    Provenance,
    ReviewState,
    SourceKind,
    StatementKind,
    Transport,
    Trigger,
)
from rules.model import Band, FieldName, RuleKind, Tier

BANDS: Final[Mapping[Band, str]] = {
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "none": "none",
}
BAND_GLYPHS: Final[Mapping[Band, str]] = {
    "critical": "◆",
    "high": "▲",
    "medium": "■",
    "low": "○",
    "none": "·",
}
BAND_RANGES: Final[Mapping[Band, str]] = {
    "critical": "80 to 100 points",
    "high": "60 to 79 points",
    "medium": "40 to 59 points",
    "low": "25 to 39 points",
    "none": "0 to 24 points",
}
BAND_ORDER: Final[tuple[Band, ...]] = ("critical", "high", "medium", "low", "none")

TIERS: Final[Mapping[Tier, str]] = {
    "special_risk": "a topic whose disclosure does particular harm",
    "health": "a health topic",
    "none": "no health topic",
}

ACTS: Final[Mapping[ActKind, str]] = {
    "page_view": "Page view",
    "click": "Click",
    "search": "Search",
    "form": "Form",
    "other": "Other act",
}
ACT_COUNTS: Final[Mapping[ActKind, tuple[str, str]]] = {
    "page_view": ("page view", "page views"),
    "click": ("click", "clicks"),
    "search": ("search", "searches"),
    "form": ("form", "forms"),
    "other": ("other act", "other acts"),
}

EVENT_KINDS: Final[Mapping[EventKind, str]] = {
    "standard": "a name from Meta's list",
    "custom": "a name the site chose",
    "automatic_only": "a name only Meta's own code uses",
}
TRIGGERS: Final[Mapping[Trigger, str]] = {
    "site_code": "the site's own code called it",
    "automatic": "Meta's code did it by itself",
    "event_setup_tool": "a rule set up in Meta's Event Setup Tool",
    "unknown": "not known from this capture",
}
TRANSPORTS: Final[Mapping[Transport, str]] = {
    "image": "image request (GET)",
    "form_post": "form sent through a hidden frame (POST)",
    "beacon": "beacon sent in the background (POST)",
    "fetch": "fetch request by script",
    "text_post": "plain-text POST by script",
    "sandbox_copy": "copy to the privacy-sandbox address",
    "redirect": "request after a redirect",
    "noscript": "image for browsers without script",
    "gateway": "copy through a Conversions API gateway",
    "batch": "several events in one request",
}
DELIVERIES: Final[Mapping[Delivery, str]] = {
    "answered": "answered: the recipient responded",
    "sent": "sent: the proxy forwarded the whole request and saw no answer",
    "unknown": "not known: this kind of capture cannot tell",
    "not_sent": "not sent: held back, or no connection to the recipient",
}
DELIVERIES_SHORT: Final[Mapping[Delivery, str]] = {
    "answered": "answered",
    "sent": "sent, no answer seen",
    "unknown": "not known",
    "not_sent": "not sent",
}
PAGE_URL_FROM: Final[Mapping[PageUrlFrom, str]] = {
    "dl": "the pixel's own parameter dl",
    "referer": "the request's Referer header",
    "hrl": "a fingerprint of the address (parameter hrl), tested against pages in this capture",
    "none": "nowhere: no page address was found",
}
FRAMES: Final[Mapping[Frame, str]] = {
    "top": "the page itself",
    "embedded": "a frame embedded in the page",
    "unknown": "not known whether the page itself or a frame in it",
}
LINKABILITY: Final[Mapping[Linkability, str]] = {
    "account": "Facebook account",
    "contact": "contact details, hashed or plain",
    "external_id": "an id the site gave the visitor",
    "click_id": "id of a clicked advertisement",
    "browser_id": "browser id set by Meta's code",
    "cookie": "Facebook browser cookie",
    "address_only": "network address only",
}
CONSENT_STATES: Final[Mapping[ConsentState, str]] = {
    "no_choice_yet": "before any choice",
    "refused": "after refusal",
    "partly_accepted": "after partial acceptance",
    "accepted": "after acceptance",
    "not_asked": "not asked",
    "undetermined": "between two known states",
    "unknown": "not known from this capture",
}
CONSENT_EXPLAINED: Final[Mapping[ConsentState, str]] = {
    "no_choice_yet": "a consent banner or platform was seen on the site and no choice had been made yet",
    "refused": "the visitor had refused",
    "partly_accepted": "the visitor had accepted some purposes and not others",
    "accepted": "the visitor had accepted",
    "not_asked": (
        "no consent banner was seen in the site's pages, or its consent platform says that it did not ask this visitor"
    ),
    "undetermined": "it lies between the last proof of one state and the first proof of another",
    "unknown": (
        "nothing in this capture shows the state of consent; this says neither that it was given nor that it "
        "was missing"
    ),
}
CONSENT_BASES: Final[Mapping[ConsentBasis, str]] = {
    "marked": "stated by the investigator",
    "observed": "seen in the traffic",
    "inferred": "concluded from traffic before and after",
    "none": "no basis in this capture",
}
STATEMENTS: Final[Mapping[StatementKind, str]] = {
    "google_consent_mode": "Google's consent mode",
    "tc_string": "TC string of the advertising industry's framework",
    "gpp": "GPP string",
    "us_privacy": "US Privacy string",
    "global_privacy_control": "Global Privacy Control",
    "limited_data_use": "Meta's data processing options",
    "library_first": "Meta's program before its first event",
}
LOGINS: Final[Mapping[LoginState, str]] = {
    "marked": "stated by the investigator",
    "observed": "seen in the traffic",
    "unknown": "not known",
}
PAGE_CLASSES: Final[Mapping[PageClass, str]] = {
    "public": "public page",
    "condition": "page about a condition or treatment",
    "booking": "booking or referral page",
    "results": "page of test results",
    "portal": "patient portal or page behind a login",
    "under_18": "page for or about under-18s",
    "shop": "shop page",
    "corporate": "page about the organisation",
    "search": "search results page",
    "unknown": "not known",
}
REVIEWS: Final[Mapping[ReviewState, str]] = {
    "unreviewed": "not yet reviewed by a person",
    "confirmed": "confirmed by a person",
    "dismissed": "dismissed by a person",
}
MARKS: Final[Mapping[MarkKind, str]] = {
    "accepted": "consent accepted",
    "refused": "consent refused",
    "logged_in": "logged in",
    "note": "note",
}
SOURCES: Final[Mapping[SourceKind, str]] = {
    "mitm": "mitmproxy recording",
    "har": "HAR file from a browser",
    "live": "live session",
}
PROVENANCES: Final[Mapping[Provenance, str]] = {
    "recorded": "recorded from a browser",
    "reconstruction": "reconstruction from published reporting",
}
CONTEXTS: Final[Mapping[ParameterContext, str]] = {
    "query": "address",
    "body": "body",
    "header": "header",
    "cookie": "cookie",
}
RULE_KINDS: Final[Mapping[RuleKind, str]] = {
    RuleKind.TOPIC: "topic",
    RuleKind.ACTION: "action",
    RuleKind.CONTEXT: "context",
    RuleKind.SUPPRESSOR: "reason against",
}
FIELDS: Final[Mapping[FieldName, str]] = {
    FieldName.PAGE_URL: "page address",
    FieldName.PAGE_HOST: "host name of the page",
    FieldName.PAGE_PATH: "path of the page address",
    FieldName.PAGE_QUERY: "query of the page address",
    FieldName.PAGE_FRAGMENT: "fragment of the page address",
    FieldName.PAGE_TITLE: "page title",
    FieldName.PAGE_DESCRIPTION: "page description",
    FieldName.PAGE_KEYWORDS: "page keywords",
    FieldName.PAGE_STRUCTURED: "structured data of the page",
    FieldName.REFERRER_URL: "address of the page before",
    FieldName.REFERRER_HOST: "host name of the page before",
    FieldName.REFERRER_PATH: "path of the page before",
    FieldName.REFERRER_QUERY: "query of the page before",
    FieldName.REFERRER_FRAGMENT: "fragment of the page before",
    FieldName.HIDDEN_URL: "page address of which only a fingerprint was sent",
    FieldName.HIDDEN_HOST: "host name in an address of which only a fingerprint was sent",
    FieldName.HIDDEN_PATH: "path of a page address of which only a fingerprint was sent",
    FieldName.HIDDEN_QUERY: "query of a page address of which only a fingerprint was sent",
    FieldName.HIDDEN_FRAGMENT: "fragment of a page address of which only a fingerprint was sent",
    FieldName.DESTINATION_URL: "address the button leads to",
    FieldName.DESTINATION_HOST: "host name the button leads to",
    FieldName.DESTINATION_PATH: "path the button leads to",
    FieldName.DESTINATION_QUERY: "query the button leads to",
    FieldName.DESTINATION_FRAGMENT: "fragment the button leads to",
    FieldName.BUTTON_TEXT: "text of the button",
    FieldName.BUTTON_ATTRIBUTE: "attribute of the button",
    FieldName.FORM_FIELD: "name of a form field",
    FieldName.SEARCH_TERM: "search term",
    FieldName.CAMPAIGN: "campaign name",
    FieldName.EVENT_NAME: "event name",
    FieldName.CONTENT: "content data given by the site",
}

# Slugs whose plain words are not simply the slug with spaces. Rule packs may add others.
CATEGORIES: Final[Mapping[str, str]] = {
    "animals": "animal health",
    "appointment": "booking, changing or cancelling an appointment",
    "biometric": "biometric data",
    "care_provider": "care provider",
    "children_young_people": "children's and young people's services",
    "directions": "parking and maps",
    "end_of_life": "end-of-life care",
    "eating_disorders": "eating disorders",
    "find_care": "looking for care",
    "fertility_pregnancy": "fertility and pregnancy",
    "general_conditions": "a named condition",
    "general_health": "health in general",
    "genetic": "genetic data",
    "genetic_conditions": "genetic conditions and tests",
    "helpline_contact": "contacting a helpline",
    "hiv_sexual_health": "HIV and sexual health",
    "hospital_visit": "planning a visit to a hospital",
    "legal": "terms and privacy",
    "medicine_basket": "putting a medicine in a basket",
    "medicines": "a medicine",
    "neurodevelopment": "autism, ADHD and development",
    "patient_portal": "signing in to a patient portal",
    "portal": "a page behind a login",
    "professionals": "pages for professionals",
    "records": "health records",
    "referral": "asking for a referral",
    "repeat_prescription": "ordering a repeat prescription",
    "results": "looking up test results",
    "self_harm_crisis": "self-harm and crisis",
    "self_help_course": "self-help or counselling course",
    "sexual_abuse_offending": "sexual abuse and offending",
    "symptom_checker": "using a symptom checker",
    "tests_treatments": "a test or treatment",
    "sex_life": "sex life",
    "trade": "trade and suppliers",
    "under_18": "under-18s",
}
# What somebody was doing, as it goes on after `this browser's user was`.
ACTIONS_DONE: Final[Mapping[str, str]] = {
    "appointment": "booking, changing or cancelling an appointment",
    "find_care": "looking for care",
    "helpline_contact": "contacting a helpline",
    "medicine_basket": "putting a medicine in a basket",
    "patient_portal": "signing in to a patient portal",
    "records": "dealing with health records",
    "referral": "asking for a referral",
    "repeat_prescription": "ordering a repeat prescription",
    "results": "looking up test results",
    "self_help_course": "taking a self-help or counselling course",
    "symptom_checker": "using a symptom checker",
}
_CAPITALS: Final = frozenset(
    {"adhd", "cbt", "copd", "gp", "hiv", "hpv", "ibd", "ibs", "ivf", "mri", "ms", "nhs", "ocd", "ptsd", "sti",
     "std", "tb", "uk", "us"}
)  # fmt: skip

# What an event name says happened. Names outside this list are the site's own words.
EVENT_NAMES: Final[Mapping[str, str]] = {
    "PageView": "a page was opened",
    "ViewContent": "a page with particular content was opened",
    "Search": "a search was made",
    "AddToCart": "something was put in a basket",
    "AddToWishlist": "something was put on a wish list",
    "AddPaymentInfo": "payment details were entered",
    "InitiateCheckout": "a checkout was begun",
    "Purchase": "a purchase was completed",
    "Lead": "an enquiry or sign-up was made",
    "CompleteRegistration": "a registration was completed",
    "Contact": "the site was contacted",
    "Schedule": "an appointment was booked",
    "SubmitApplication": "an application was submitted",
    "Subscribe": "a subscription was begun",
    "StartTrial": "a trial was begun",
    "FindLocation": "a location was looked up",
    "CustomizeProduct": "a product was customised",
    "Donate": "a donation was made",
    "SubscribedButtonClick": "a click, reported by Meta's own code",
    "Microdata": "the page's title and description, read by Meta's own code",
    "InputData": "a click with form data, reported by Meta's own code through a gateway",
    "UserProperties": "details of the visitor, set by the page",
    "PixelInitialized": "the pixel was set up (older versions)",
    "CustomEvent": "an event of the site's own",
}

IDENTIFIERS: Final[Mapping[str, str]] = {
    "c_user": "Facebook account number",
    "i_user": "number of a Facebook page or second profile",
    "fb_login_id": "Facebook account number (login)",
    "madid": "advertising id of the device",
    "xs": "Facebook session secret",
    "datr": "Facebook browser cookie (datr)",
    "sb": "Facebook browser cookie (sb)",
    "fr": "Facebook advertising cookie (fr)",
    "fbp": "browser id set by Meta's code",
    "fbc": "id of a clicked advertisement",
    "fbclid": "id of a clicked advertisement",
    "external_id": "id the site gave the visitor",
    "em": "e-mail address",
    "ph": "phone number",
    "fn": "first name",
    "ln": "last name",
    "ge": "gender",
    "db": "date of birth",
    "ct": "town",
    "st": "county or state",
    "zp": "postcode",
    "country": "country",
    "uid": "user id of the site",
    "nhs_number": "NHS number",
    "client_ip": "network address",
    "ip": "network address",
    "user_agent": "browser description",
}
IDENTIFIER_SOURCES: Final[Mapping[str, str]] = {
    "cookie": "a cookie of the recipient, sent by the browser",
    "parameter": "a parameter of the request",
    "ud": "given to the pixel by the site",
    "aud": "given to the pixel by the site, written another way",
    "cud": "shape of what the site gave (mask of letters and digits)",
    "ncud": "shape of what the site gave, normalised",
    "udff": "read from form fields by Meta's code",
    "audff": "read from form fields by Meta's code, written another way",
    "cudff": "shape of what was read from form fields (mask of letters and digits)",
    "ncudff": "shape of what was read from form fields, normalised",
    "gateway": "in the copy sent through a gateway",
    "cd": "in the event's own data",
    "address": "in an address that was sent",
}
IDENTIFIER_FORMS: Final[Mapping[str, str]] = {
    "plain": "plain",
    "sha256": "SHA-256 hash",
    "md5": "MD5 hash",
    "mask": "mask of its shape",
    "empty": "hash of nothing: identifies nobody",
}

# Requests to Meta that carry no event.
ROLES: Final[Mapping[str, str]] = {
    "configuration": "configuration of a pixel",
    "cookie_sync": "matching of cookies",
    "library": "Meta's pixel program",
    "log": "Meta's own log",
    "lookalike": "a host that only looks like Meta's",
    "plugin": "parts of Meta's pixel program",
    "sdk": "Meta's program for websites",
    "topics_registration": "registration of browsing topics",
}

# Software that placed a pixel and says so; others are shown by the name they give.
AGENTS: Final[Mapping[str, str]] = {"tmgoogletagmanager": "Google Tag Manager"}

TOOL_RULES: Final[Mapping[str, str]] = {
    "event_setup_tool": "Event Setup Tool",
    "conversion": "conversions",
    "audience": "audiences",
}

FILTERED: Final = "What Meta's client filtered"
STILL_LEFT: Final = "What left all the same"
NOTHING_LISTED: Final = "none of the parts of the visit that are looked for here"
NO_SCRIPT_TEXT: Final = "not known: the capture holds the request for its script and not the text"
NO_EVENT: Final = "no event seen"
NOT_SEEN_IS_NO_PROOF: Final = "That no event was seen does not prove that no pixel is installed."
FETCHED_WITHOUT_EVENT: Final = (
    "Where parts of Meta's pixel program were fetched and no event was seen, a pixel was being loaded. Whether it "
    "waited for consent, was kept from sending, or sent in a way this capture does not show, cannot be told."
)

INFERRED: Final = (
    "What the recipient could conclude of the user of this browser from the acts that count, put together by fixed "
    "sentences. It says neither that Meta did so nor that it is true of anybody: a page can be opened for somebody "
    "else, out of curiosity, or by an investigator. Each statement names the acts that support it and what joins them."
)
INFERRED_TITLE: Final = "What could be inferred"
OTHER_TITLE: Final = "Other special categories"
OTHER: Final = (
    "These findings come from optional packs, by the same scale. They are apart from health: no score, band, topic, "
    "count or headline elsewhere in this report holds them."
)
OTHER_VULNERABLE: Final = (
    "The pack for vulnerable situations is about circumstances in which people are easily harmed, not about special "
    "categories in the sense of Article 9 GDPR."
)
OTHER_NOTHING: Final = "Nothing was found. That says nothing of what was sent in other words."
MIGHT_INFER: Final = "Meta could infer that this browser's user"
MIGHT_INFER_RECONSTRUCTED: Final = "As reconstructed, Meta could infer that the user of a browser"
IN_ORDER: Final = "In order"

RECONSTRUCTION: Final = (
    "Reconstruction: this capture was rebuilt from published reporting. "
    "It was not recorded from a browser and proves nothing about any site."
)
RECONSTRUCTION_SHORT: Final = "Reconstruction"
REVEALED: Final = (
    "Identifiers are shown in full, because this report was made with --reveal. "
    "It identifies a person: do not publish or pass it on as it is."
)
INCOMPLETE: Final = "Incomplete: this session or one of its captures has holes; counts are lower bounds."

LIMITS: Final[tuple[str, ...]] = (
    (
        "It shows what left, or was made to leave, one browser in one session. It does not show what Meta "
        "kept, matched or used: filtering on Meta's servers leaves no trace here."
    ),
    (
        "Who owns or set up a pixel is not known from its number. The page's address says where the pixel "
        "ran, not who decided it."
    ),
    (
        "Identifiers describe this browser. Where Facebook's account cookie is present, Meta can tie the "
        "event to that account. Where it is missing, that says nothing about a visitor who is logged in to "
        "Facebook."
    ),
    (
        "Sharing from server to server (such as Meta's Conversions API) does not pass the browser and "
        "cannot be seen by any proxy."
    ),
    (
        "The proxy puts its own certificate between browser and site and may change the HTTP version, and "
        "the browser may have run with its own profile and flags. A site can behave differently towards "
        "another browser."
    ),
    (
        "A request that the page or the browser gave up before it left never reached the proxy. That no "
        "request was seen does not prove that no pixel is installed."
    ),
    ("The times are the capture's clock. A time stated by the pixel is a claim of the browser and is shown beside it."),
    (
        "Scores come from written rules about words. They are indications for a person to check, not "
        "findings of fact about anyone's health."
    ),
)


class LegalNote(NamedTuple):
    """Criteria of one jurisdiction, without a verdict."""

    title: str
    paragraphs: tuple[str, ...]


UK_EU: Final = "United Kingdom and European Union"
US: Final = "United States"

LEGAL_NOTES: Final[tuple[LegalNote, ...]] = (
    LegalNote(
        UK_EU,
        (
            (
                "Article 4(15) GDPR and UK GDPR define data concerning health; Article 9(1) makes them a "
                "special category. In EU law it can be enough that health is revealed by inference: Court "
                "of Justice, C-184/20 (1 August 2022), C-252/21 (4 July 2023, visits to websites that "
                "relate to such categories) and C-21/23 (4 October 2024, orders of pharmacy-only "
                "products). The ICO's guidance on special category data covers inferences too."
            ),
            (
                "Storing or reading information on the visitor's device has its own rule on consent: Article "
                "5(3) of Directive 2002/58/EC, in the United Kingdom regulation 6 of PECR."
            ),
            (
                "Facts in this report that bear on these criteria: the words and field that scored, what "
                "tied them to a person, the state of consent at that moment and its proof."
            ),
        ),
    ),
    LegalNote(
        US,
        (
            (
                "HHS OCR's bulletin on online tracking (December 2022, revised 18 March 2024) "
                "distinguishes pages behind a login from public pages. American Hospital Association v. "
                "Becerra (N.D. Tex., 20 June 2024) vacated it where it treated a network address together "
                "with a visit to a public page on a condition or provider as enough."
            ),
            (
                "The FTC has acted on health information in event names, page addresses and hashed contact "
                "details outside HIPAA (among others GoodRx and BetterHelp, both 2023)."
            ),
            (
                "Facts in this report that bear on these criteria: the kind of page (public, portal, not "
                "known), the words that scored, the identifiers sent with them. Whether HIPAA applies to "
                "an organisation is not known from a capture."
            ),
        ),
    ),
)

_OWN_NETWORKS: Final = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
    )
)


def plain(slug: str) -> str:
    """Return a slug as words: underscores become spaces, known abbreviations capitals."""
    words = slug.replace("_", " ").replace("-", " ").split()
    return " ".join(word.upper() if word.lower() in _CAPITALS else word for word in words) or slug


def category(slug: str) -> str:
    """Return the plain words for a topic, an action or another category of a rule."""
    return CATEGORIES.get(slug) or plain(slug)


def capital(text: str) -> str:
    """Return `text` with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def event_name(name: str) -> str | None:
    """Return what a known event name says happened, or None for a name of the site's own."""
    return EVENT_NAMES.get(name)


def identifier(kind: str) -> str:
    """Return the plain words for a kind of identifier."""
    return IDENTIFIERS.get(kind) or plain(kind)


def identifier_source(source: str) -> str:
    """Return how an identifier came along, in plain words."""
    return IDENTIFIER_SOURCES.get(source) or plain(source)


def identifier_form(form: str) -> str:
    """Return how an identifier is written, in plain words."""
    return IDENTIFIER_FORMS.get(form) or plain(form)


def role(name: str) -> str:
    """Return what a request to Meta without an event is, in plain words."""
    return ROLES.get(name) or plain(name)


def agent(name: str) -> str:
    """Return the software that placed the pixel, with the name it gives itself."""
    known = AGENTS.get(name)
    return f"{known} ({name})" if known else name


def tool_rule(kind: str) -> str:
    """Return what a rule in a pixel's configuration is for, in plain words."""
    return TOOL_RULES.get(kind) or plain(kind)


def fetched(roles: Iterable[str]) -> str:
    """Return the parts of Meta's pixel program that were fetched, as a list in a sentence."""
    return listed([role(name) for name in roles])


def field(name: str) -> str:
    """Return where a text stood, in plain words."""
    return _FIELDS.get(name) or plain(name.replace(".", " "))


def rule_kind(kind: str) -> str:
    """Return what a rule contributes, in plain words."""
    return _RULE_KINDS.get(kind) or plain(kind)


_FIELDS = {key.value: words for key, words in FIELDS.items()}
_RULE_KINDS = {key.value: words for key, words in RULE_KINDS.items()}


def person_match(matched: bool | None) -> str:
    """Return whether an identifier is that of the test person, in plain words."""
    if matched is None:
        return "not tested"
    return "yes: it is the test person's" if matched else "no"


def held(requests: int) -> str:
    """Return the warning of a session in which so many pixel requests were held back."""
    did = "request did" if requests == 1 else "requests did"
    return (
        f"Held back: {requests:,} pixel {did} not leave, because the investigator's proxy answered in Meta's place. "
        "What is shown of them is what pages would have made this browser send. Pages may act otherwise without Meta's "
        "answers, so this session cannot be compared with one that held nothing back."
    )


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: list[str]) -> str:
    """Return parts as a list in a sentence: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def either(parts: list[str]) -> str:
    """Return parts as a choice in a sentence: a, b or c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}" if parts else ""


def _network_of(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address, or the first of its network where it was shortened at its end (`192.168.…`)."""
    known = address.strip("[]").partition("%")[0].partition("…")[0].rstrip(".:")
    if ":" in address:
        attempts = [address.strip("[]").partition("%")[0], known, f"{known}::"]
    else:
        attempts = [".".join([*known.split("."), "0", "0", "0"][:4])]
    for attempt in attempts:
        try:
            return ip_address(attempt)
        except ValueError:
            continue
    return None


def on_own_network(address: str) -> bool:
    """Return whether an address, possibly shortened at its end, is a loopback or private one."""
    parsed = _network_of(address)
    return parsed is not None and any(
        parsed in network for network in _OWN_NETWORKS if network.version == parsed.version
    )


def instant(text: str | None) -> str:
    """Return an RFC 3339 time as a person reads it: `2026-03-02 14:05:31.120 UTC`."""
    if text is None:
        return "not known"
    day, separator, clock = text.partition("T")
    return f"{day} {clock.removesuffix('Z')} UTC" if separator and clock.endswith("Z") else text


def clock_time(text: str) -> str:
    """Return the time of day of an RFC 3339 time, to the second."""
    _, separator, clock = text.partition("T")
    return clock.removesuffix("Z").partition(".")[0] if separator else text
