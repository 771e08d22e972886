"""Who may talk to the live page: the browser tab that was given its token, and nothing else.

Pages that the investigator visits run in a browser on the same machine, so the loopback address alone protects
nothing. Every request must name the page's own address as its Host (against DNS rebinding), must not come from
another site (`Sec-Fetch-Site`, `Origin`), and, for anything but the page's own files, must carry a cookie that is only
given for the token. What changes something is a POST with JSON and a header that no form can set. No answer carries
a CORS header, so no other page can read any.
"""

import json
import secrets
from typing import Any, Final

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

HEADER: Final = "X-Pixelwitness"
"""A header that scripts of the page add; another site's script would need a permission that is never given."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups"
)
"""A report is one file with its style inside and without any script."""

MAX_BODY: Final = 64 * 1024
_MAX_TOKENS: Final = 200


class Access:
    """The addresses and secrets of one running page."""

    def __init__(self, port: int) -> None:
        """Make fresh secrets for the page on this port of the loopback address."""
        self.port = port
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        self.token = secrets.token_urlsafe(32)
        self.cookie = secrets.token_urlsafe(32)
        self.cookie_name = f"pixelwitness-{port}"  # cookies do not tell ports apart

    @property
    def url(self) -> str:
        """The page's address with its token, which no request carries: it stands in the fragment."""
        return f"http://127.0.0.1:{self.port}/#{self.token}"

    def fits(self, given: object) -> bool:
        """Tell whether this is the token."""
        return isinstance(given, str) and len(given) <= _MAX_TOKENS and _same(given, self.token)

    def refusal(self, request: HTTPServerRequest) -> str | None:
        """Return why a request is not answered whatever it carries, or None."""
        if request.headers.get_list("Host") != [request.host] or request.host not in self.hosts:
            return "this address does not serve that host"
        origins = request.headers.get_list("Origin")
        if origins and (len(origins) > 1 or origins[0] not in self.origins):
            return "this page is not for other sites"
        if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            return "this page is not for other sites"
        return None

    def entered(self, request: HTTPServerRequest) -> bool:
        """Tell whether a request carries the cookie."""
        morsel = request.cookies.get(self.cookie_name)
        return morsel is not None and _same(morsel.value, self.cookie)


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), expected.encode())


class RefusedError(HTTPError):
    """A request is not granted. `sentence` says why, for the person at the page."""

    def __init__(self, status: int, sentence: str) -> None:
        """Answer with this status, such as 403, and this sentence."""
        super().__init__(status)
        self.sentence = sentence


class Guarded(RequestHandler):
    """A handler that only answers the page itself."""

    needs_cookie = True
    needs_header = True
    policy = POLICY

    access: Access

    def initialize(self, access: Access) -> None:
        """Take what is needed to tell who asks."""
        self.access = access

    def set_default_headers(self) -> None:
        """Say to the browser that nobody else may use, frame, sniff or keep an answer."""
        self.clear_header("Server")
        for name, value in (
            ("Content-Security-Policy", self.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Embedder-Policy", "require-corp"),
            ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
            ("Cache-Control", "no-store"),
        ):
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse whoever is not the page."""
        refusal = self.access.refusal(self.request)
        if refusal is not None:
            raise RefusedError(403, refusal)
        changes = self.request.method not in {"GET", "HEAD"}
        if changes and not self.request.headers.get("Origin"):
            raise RefusedError(403, "a change needs an Origin")
        if (changes or self.needs_header) and not self.request.headers.get(HEADER):
            raise RefusedError(403, f"the header {HEADER} is missing")
        if self.needs_cookie and not self.access.entered(self.request):
            raise RefusedError(403, "open the page by the link that the program printed")

    def sent_json(self) -> dict[str, Any]:
        """Return the JSON object of the body. Raises RefusedError for anything else."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise RefusedError(400, "the body must be JSON")
        try:
            data = json.loads(self.request.body)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise RefusedError(400, "the body must be a JSON object")
        return data

    def answer(self, data: Any) -> None:
        """Answer with JSON."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(data, ensure_ascii=False, separators=(",", ":")))

    def write_error(self, status_code: int, **more: Any) -> None:
        """Answer an error with a sentence; what went wrong inside stays inside."""
        error = more.get("exc_info", (None, None, None))[1]
        if isinstance(error, RefusedError):
            text = error.sentence
        elif status_code < 500:
            text = "The live page does not answer that"
        else:
            text = "That did not work: this is a defect of Pixelwitness"
        self.answer({"error": text})

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log our own defects; a refused request is none."""
        if not isinstance(value, HTTPError):
            super().log_exception(kind, value, trace)


class Nothing(Guarded):
    """Whatever else is asked for."""

    needs_cookie = False
    needs_header = False

    def prepare(self) -> None:
        """Refuse others, and say to the page that there is no such thing."""
        super().prepare()
        raise RefusedError(404, "there is no such thing here")
