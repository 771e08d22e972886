"""Firefox: profile, command line, and how its profile comes to trust the proxy.

Firefox keeps certificates in the profile. Only Firefox itself, or Mozilla's certutil, which few people have, writes
that store; so a Firefox without a window opens another throw-away profile, takes the certificate, and quits. The
profile that is browsed with gets the store alone and never sees remote control.
"""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.browsers.finding import BrowserError
from cli.browsers.marionette import MarionetteError, trust

LIMIT = 60
"""Seconds that Firefox may take to start and to take the certificate."""

_STORE = ("cert9.db", "key4.db", "pkcs11.txt")

# Mozilla's own services: https://support.mozilla.org/en-US/kb/how-stop-firefox-making-automatic-connections
_QUIET: dict[str, Any] = {
    "app.normandy.enabled": False,
    "app.shield.optoutstudies.enabled": False,
    "app.update.auto": False,
    "app.update.enabled": False,
    "browser.aboutConfig.showWarning": False,
    "browser.aboutwelcome.enabled": False,
    "browser.discovery.enabled": False,
    "browser.newtabpage.activity-stream.feeds.section.topstories": False,
    "browser.newtabpage.activity-stream.feeds.telemetry": False,
    "browser.newtabpage.activity-stream.feeds.topsites": False,
    "browser.newtabpage.activity-stream.showSponsored": False,
    "browser.newtabpage.activity-stream.showSponsoredTopSites": False,
    "browser.newtabpage.enabled": False,
    "browser.ping-centre.telemetry": False,
    "browser.region.network.url": "",
    "browser.region.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.provider.google4.gethashURL": "",
    "browser.safebrowsing.provider.google4.updateURL": "",
    "browser.safebrowsing.provider.mozilla.gethashURL": "",
    "browser.safebrowsing.provider.mozilla.updateURL": "",
    "browser.search.geoip.url": "",
    "browser.search.suggest.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "browser.urlbar.quicksuggest.enabled": False,
    "browser.urlbar.suggest.searches": False,
    "browser.warnOnQuit": False,
    "captivedetect.canonicalURL": "",
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.usage.uploadEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "geo.provider.network.url": "",
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-manager.url": "data:,",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.trr.mode": 5,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": False,
    "startup.homepage_welcome_url": "",
    "termsofuse.acceptedVersion": 999,
    "termsofuse.bypassNotification": True,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,",
    "toolkit.telemetry.unified": False,
    "trailhead.firstrun.didSeeAboutWelcome": True,
}


def prepare(profile: Path, proxy: str, not_proxied: Sequence[str]) -> None:
    """Write the settings of a new profile into the folder `profile`; `proxy` and `not_proxied` are `host:port`."""
    host, _, port = proxy.rpartition(":")
    settings = {
        **_QUIET,
        "network.proxy.type": 1,
        "network.proxy.share_proxy_settings": True,
        "network.proxy.http": host.strip("[]"),
        "network.proxy.http_port": int(port),
        "network.proxy.ssl": host.strip("[]"),
        "network.proxy.ssl_port": int(port),
        "network.proxy.allow_hijacking_localhost": True,  # pages on this machine go through the proxy too
        "network.proxy.no_proxies_on": ", ".join(not_proxied),
        "network.http.http3.enable": False,
        "media.peerconnection.ice.proxy_only": True,
    }
    write_settings(profile, settings)


def write_settings(profile: Path, settings: dict[str, Any]) -> None:
    """Write `user.js`, whose settings win over all others at every start."""
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
    (profile / "user.js").write_text("".join(lines), "utf-8")


def arguments(profile: Path, options: Sequence[str] = ()) -> list[str]:
    """Return the words after the program's name, without the page to open."""
    return ["--no-remote", "--new-instance", "--profile", str(profile), *options]


async def trust_in(profile: Path, command: Sequence[str], certificate: str) -> None:
    """Make `profile` trust the authority whose certificate (base64 of its DER form) is given, for websites.

    Raises BrowserError where Firefox does not do so.
    """
    other = profile.with_name(f"{profile.name}-certificate")
    other.mkdir(mode=0o700)
    # it must not speak to anybody while it is up
    dead = {"network.proxy.type": 1, "network.proxy.socks": "127.0.0.1", "network.proxy.socks_port": 9}
    write_settings(other, {**_QUIET, **dead, "network.proxy.socks_remote_dns": True, "marionette.port": 0})
    process = await asyncio.create_subprocess_exec(
        *command, "--headless", "--marionette", "--remote-allow-system-access", *arguments(other),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT):
            await trust(await _port(other, process), certificate)
            await process.wait()
        for name in _STORE:
            shutil.copyfile(other / name, profile / name)
    except (OSError, MarionetteError) as error:  # a time limit is an OSError, too
        raise BrowserError(
            f"Firefox would not take the proxy's certificate ({error or 'it took too long'}). Use --browser chromium, "
            "or --no-browser and a Firefox profile of your own: http://mitm.it says how it gets the certificate."
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shutil.rmtree(other, ignore_errors=True)


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    """Return the port on which Firefox listens; it writes it into its profile."""
    place = profile / "MarionetteActivePort"
    while process.returncode is None:
        if place.exists() and (text := place.read_text("ascii")):
            return int(text)
        await asyncio.sleep(0.05)
    raise MarionetteError(f"it ended with {process.returncode}")
