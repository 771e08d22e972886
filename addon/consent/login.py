"""What of a login shows on the wire: a form sent to a login address and how the site answered.

That is what can be proved and no more: a site may answer a wrong password in the same way. So a login is `observed`
only where the site answered with a new cookie and sent the browser to an address that is none of a login; what is
behind a page, and whether somebody was already logged in when the capture began, no request shows.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from addon.decoders.meta.endpoints import Address, split_address
from addon.model import CapturedRequest, Epoch, Frozen
from addon.vocabulary import LoginState

_LOGIN_WORDS: Final = frozenset(
    {"login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in", "anmelden", "anmeldung", "einloggen",
     "connexion", "se-connecter", "acceder", "iniciar-sesion", "mewngofnodi", "authenticate"}
)  # fmt: skip
_LOGOUT_WORDS: Final = frozenset(
    {"logout", "log-out", "log_out", "logoff", "signout", "sign-out", "sign_out", "abmelden", "ausloggen",
     "deconnexion", "cerrar-sesion", "allgofnodi"}
)  # fmt: skip
_LOGIN_SENT: Final = tuple(word.encode("ascii") for word in sorted(_LOGIN_WORDS))
_LOGOUT_SENT: Final = frozenset(word.encode("ascii") for word in _LOGOUT_WORDS)
LOGOUT_MARK: Final = rb"/(?i:%s)(?:\.|/*(?:[?#]|\Z))" % b"|".join(re.escape(word) for word in sorted(_LOGOUT_SENT))
"""A pattern that stands in path and query of every logout, of whatever method."""

_REDIRECTS: Final = frozenset({302, 303})
_MAX_SHOWN: Final = 80


class LoginStep(NamedTuple):
    """A request by which the visitor logged in or out, in words."""

    kind: Literal["login", "logout"]
    words: str


class LoginMoment(Frozen):
    """A moment from which on the visitor was logged in or out, and how it is known."""

    at: Epoch
    logged_in: bool
    marked: bool
    words: str


class LoginStamp(Frozen):
    """What is known of a login at the moment of an event."""

    state: LoginState = "unknown"
    at: Epoch | None = None
    reason: str = "nothing in this capture shows a login or its absence"


NO_LOGIN: Final = LoginStamp()


def login_step(request: CapturedRequest, address: Address) -> LoginStep | None:
    """Return the login or logout that a first-party request shows, or None."""
    if _segments(address.path.rstrip("/").rpartition("/")[2]) & _LOGOUT_WORDS:
        return LoginStep("logout", f"a logout address was opened ({_shown(address.path, _LOGOUT_WORDS)})")
    if request.method != "POST" or request.status not in _REDIRECTS or not _segments(address.path) & _LOGIN_WORDS:
        return None
    target = request.response_header("location") or ""
    if not target or _segments(split_address(target).path or target.partition("?")[0]) & _LOGIN_WORDS:
        return None
    if request.response_header("set-cookie") is None:
        return None
    where = _shown(address.path, _LOGIN_WORDS)
    return LoginStep(
        "login",
        f"a form was sent to a login address ({where}); the site answered with a new cookie and sent the browser on, "
        "as after a login",
    )


def may_be_login_step(method: str, target: bytes) -> bool:
    """Tell whether `login_step` may find anything in a request with this path and query as sent."""
    end = target.find(b"?")
    path = target if end < 0 else target[:end]
    if b"#" in path:
        path = path.partition(b"#")[0]
    last = path[path.rfind(b"/") + 1 :] or path.rstrip(b"/").rpartition(b"/")[2]
    if last.partition(b".")[0].lower() in _LOGOUT_SENT:
        return True
    if method == "POST":
        find = path.lower().find  # a quarter of the time of `in`
        for word in _LOGIN_SENT:
            if find(word) >= 0:
                return True
    return False


def stamp_after(last: LoginMoment) -> LoginStamp:
    """Return what is known of a login after `last`, until another moment shows something."""
    if not last.logged_in:
        return LoginStamp(reason=f"{last.words}; whether the visitor was logged in afterwards is not shown", at=last.at)
    return LoginStamp(state="marked" if last.marked else "observed", at=last.at, reason=last.words)


def in_order(moments: Iterable[LoginMoment]) -> tuple[LoginMoment, ...]:
    """Return moments in the order of time."""
    return tuple(sorted(moments, key=lambda item: item.at))


def _segments(path: str) -> frozenset[str]:
    """Return the parts of a path in lower case, without the ending of a file name."""
    return frozenset(part.partition(".")[0].lower() for part in path[:2_000].split("/") if part)


def _shown(path: str, words: frozenset[str]) -> str:
    """Return the part of a path that says so, without what stands around it, which may be personal."""
    part = next(part for part in path[:2_000].split("/") if part.partition(".")[0].lower() in words)
    return f"/…/{part}"[:_MAX_SHOWN]
