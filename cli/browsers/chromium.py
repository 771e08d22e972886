"""The Chromium family: profile and command line.

What is switched off is the browser's own traffic, so that the session holds the page's alone. What a page can do
stays as an ordinary visitor has it, and no switch is used that a page's script can see.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEAD = "127.0.0.1:9"
"""An address that is never reached: Chromium itself refuses port 9 (net/base/port_util.cc, restricted ports)."""

_FEATURES_OFF = (
    "AutofillServerCommunication",
    "CertificateTransparencyComponentUpdater",
    "DialMediaRouteProvider",
    "InterestFeedContentSuggestions",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationGuideModelDownloading",
    "OptimizationHints",
    "OptimizationHintsFetching",
    "OptimizationTargetPrediction",
    "Translate",
)

_QUIET = (
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-search-engine-choice-screen",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--password-store=basic",
    "--use-mock-keychain",
    f"--gaia-url=http://{DEAD}/",
    f"--google-apis-url=http://{DEAD}/",
    f"--component-updater=url-source=http://{DEAD}/",
    f"--variations-server-url=http://{DEAD}/",
    f"--variations-insecure-server-url=http://{DEAD}/",
    f"--disable-features={','.join(_FEATURES_OFF)}",
)

_NOTHING_BESIDE_THE_PROXY = (
    "--disable-quic",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)

# Cookies of other sites are allowed as in Chrome as it comes; some distributions of Chromium block them, and
# then Facebook's account cookie would not leave.
_PREFERENCES: dict[str, Any] = {
    "profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False, "password_manager_enabled": False},
    "webrtc": {"ip_handling_policy": "disable_non_proxied_udp"},
    "signin": {"allowed": False, "allowed_on_next_startup": False},
    "safebrowsing": {"enabled": False},
    "search": {"suggest_enabled": False},
    "spellcheck": {"use_spelling_service": False},
    "browser": {"enable_spellchecking": False, "has_seen_welcome_page": True},
    "autofill": {"profile_enabled": False, "credit_card_enabled": False},
    "alternate_error_pages": {"enabled": False},
    "credentials_enable_service": False,
    "translate": {"enabled": False},
}

_STATE: dict[str, Any] = {"background_mode": {"enabled": False}}
"""Closing the last window ends the browser."""


def prepare(profile: Path) -> None:
    """Write the preferences of a new profile into the empty folder `profile`."""
    (profile / "Default").mkdir(mode=0o700)
    (profile / "Default" / "Preferences").write_text(json.dumps(_PREFERENCES), "utf-8")
    (profile / "Local State").write_text(json.dumps(_STATE), "utf-8")


def arguments(
    profile: Path, proxy: str, *, trusted_key: str | None, not_proxied: Sequence[str], options: Sequence[str] = ()
) -> list[str]:
    """Return the words after the program's name, without the page to open.

    `proxy` and `not_proxied` are `host:port`. `trusted_key` is the hash of the public key (`certificate`) whose
    certificates this profile accepts. `options` are the user's own, which come last, so that they win.
    """
    # "<-loopback>": pages on this machine go through the proxy too; the later rules win over it
    bypass = ";".join(("<-loopback>", DEAD, *not_proxied))
    words = [
        f"--user-data-dir={profile}",
        f"--proxy-server=http://{proxy}",
        f"--proxy-bypass-list={bypass}",
        *_QUIET,
        *_NOTHING_BESIDE_THE_PROXY,
    ]
    if trusted_key is not None:
        words.append(f"--ignore-certificate-errors-spki-list={trusted_key}")
        words.append("--test-type")  # no yellow bar over the page about the switch before
    if sys.platform == "linux" and os.geteuid() == 0:
        words.append("--no-sandbox")  # Chromium refuses to start as root otherwise
    return [*words, *options]
