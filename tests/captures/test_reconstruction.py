import json
import os
import re
import subprocess
import sys
from collections import Counter
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from mitmproxy import http, version
from mitmproxy.io import FlowReader

import captures
from captures.reconstruction import build

META_HOSTS = {"www.facebook.com", "connect.facebook.net"}
FORMAT_OF_THE_COMMITTED_FILE = 21
TWENTY = {
    "Alder Hey Children's",
    "Barking, Havering and Redbridge",
    "Barts Health",
    "Buckinghamshire Healthcare",
    "Central and North West London",
    "Croydon Health Services",
    "Devon Partnership",
    "Hertfordshire Partnership University",
    "Mid Yorkshire Hospitals",
    "Midlands Partnership",
    "North Bristol",
    "Northampton General Hospital",
    "Pennine Care",
    "Royal United Hospitals Bath",
    "Shrewsbury and Telford Hospital",
    "Surrey and Borders Partnership",
    "Tavistock and Portman",
    "The Christie",
    "The Royal Marsden",
    "University Hospitals of North Midlands",
}


@pytest.fixture(scope="module")
def findings() -> build.Findings:
    return build.load()


@pytest.fixture(scope="module")
def flows() -> list[http.HTTPFlow]:
    with captures.RECONSTRUCTION.open("rb") as file:
        return [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]


@pytest.fixture(scope="module")
def pixel_flows(flows: list[http.HTTPFlow]) -> list[http.HTTPFlow]:
    return [flow for flow in flows if flow.request.path.startswith("/tr/")]


def told(flow: http.HTTPFlow) -> dict[str, str]:
    query = urlsplit(flow.request.url).query
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.skipif(
    version.FLOW_FORMAT_VERSION != FORMAT_OF_THE_COMMITTED_FILE,
    reason="this mitmproxy writes another format than the committed file's",
)
def test_the_committed_capture_is_a_fresh_build(findings: build.Findings) -> None:
    assert captures.RECONSTRUCTION.read_bytes() == build.build_capture(findings)


def test_a_build_in_another_process_is_the_same_to_the_byte(findings: build.Findings) -> None:
    program = (
        "import hashlib; from captures.reconstruction import build as b; "
        "print(hashlib.sha256(b.build_capture(b.load())).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            cwd=captures.HERE.parent,
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(digests) == 1


def test_the_committed_provenance_is_a_fresh_build(findings: build.Findings) -> None:
    assert build.PROVENANCE.read_text(encoding="utf-8") == build.build_provenance(findings)


def test_every_host_says_what_it_is_or_is_metas(flows: list[http.HTTPFlow]) -> None:
    for flow in flows:
        host = flow.request.host
        assert host in META_HOSTS or re.fullmatch(r"www\.[a-z-]+-reconstruction\.example", host)


def test_every_flow_is_marked(flows: list[http.HTTPFlow]) -> None:
    for flow in flows:
        assert flow.metadata["pixelwitness_provenance"] == "reconstruction"
        assert flow.metadata["pixelwitness_finding"] in flow.comment
        assert flow.comment.startswith("reconstruction")


def test_each_trust_has_one_registrable_name_and_one_pixel(findings: build.Findings) -> None:
    sites = findings.sites()
    assert len({site.hostname for site in sites}) == len(sites)
    assert len({site.pixel for site in sites}) == len(sites)
    assert all(site.hostname.count(".") == 2 for site in sites)


def test_the_twenty_are_all_there_and_nobody_else(findings: build.Findings) -> None:
    names = [site.name for site in findings.sites()]
    assert len(names) == len(set(names))
    assert set(names) == TWENTY | {"Unnamed trusts"}


def test_every_finding_is_exactly_one_request(findings: build.Findings, pixel_flows: list[http.HTTPFlow]) -> None:
    wanted = [
        (event.id, f"https://{site.hostname}{page.path}", site.pixel)
        for site in findings.sites()
        for page, event in build.events(site)
    ]
    got = [(flow.metadata["pixelwitness_finding"], told(flow)["dl"], told(flow)["id"]) for flow in pixel_flows]
    assert got == wanted
    assert [entry[0] for entry in wanted] == [f"R{number:02}" for number in range(1, len(wanted) + 1)]


def test_provenance_names_every_event_once(findings: build.Findings) -> None:
    text = build.PROVENANCE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (R\d\d) \| (.*?) \| .* \| (.+) \| .+ \|$", text, re.MULTILINE)
    wanted = [(event.id, site.name, event.published) for site in findings.sites() for _, event in build.events(site)]
    assert rows == wanted


def test_the_fourteen_have_one_view_of_a_home_page_without_a_topic(
    findings: build.Findings, flows: list[http.HTTPFlow], pixel_flows: list[http.HTTPFlow]
) -> None:
    assert len(findings.named_only) == 14
    text = build.PROVENANCE.read_text(encoding="utf-8")
    for entry in findings.named_only:
        mine = [flow for flow in pixel_flows if flow.metadata["pixelwitness_finding"] == entry.id]
        assert len(mine) == 1
        assert told(mine[0])["ev"] == "PageView"
        assert urlsplit(told(mine[0])["dl"]).path == "/"
        assert build.NAMED_ONLY in mine[0].comment
        pages = [flow for flow in flows if flow.request.host == entry.site().hostname]
        assert len(pages) == 1
        assert b"<title>Home page (reconstruction)</title>" in (pages[0].response.content or b"")
        assert entry.site().page[0].view.expected.bands == ("none",)
        assert f"| {entry.id} | {entry.name} |" in text


def test_identifiers_are_invented(pixel_flows: list[http.HTTPFlow], flows: list[http.HTTPFlow]) -> None:
    for flow in pixel_flows:
        parameters = told(flow)
        assert re.fullmatch(r"9000000000000\d\d", parameters["id"])
        assert re.fullmatch(r"fb\.1\.16842\d{8}\.9000000\d\d", parameters["fbp"])
        assert not [name for name in parameters if name.startswith(("ud", "aud", "cud"))]
    for flow in flows:
        assert ip_address(flow.client_conn.peername[0]).is_private
        assert ip_address(flow.server_conn.peername[0]) in ip_network("203.0.113.0/24")
        for line in flow.request.headers.get_all("cookie"):
            assert line in build.FACEBOOK_COOKIES or line.startswith("_fbp=fb.1.16842")


def test_the_account_is_sent_only_where_that_was_published(pixel_flows: list[http.HTTPFlow]) -> None:
    with_account = {
        flow.metadata["pixelwitness_finding"]
        for flow in pixel_flows
        if any(line.startswith("c_user=") for line in flow.request.headers.get_all("cookie"))
    }
    assert with_account == {"R01"}


def test_nobody_ever_answers_the_banner(flows: list[http.HTTPFlow]) -> None:
    for flow in flows:
        if flow.request.host in META_HOSTS:
            continue
        assert b'id="cookie-banner"' in (flow.response.content or b"")
        assert "consent" not in str(flow.request.headers)


def test_wire_shapes_are_those_of_2023(pixel_flows: list[http.HTTPFlow]) -> None:
    view = re.findall(r"\S+", "id ev dl rl if ts sw sh v r ec o fbp it coo rqm")
    features = [f"cd[{name}]" for name in ("buttonFeatures", "buttonText", "formFeatures", "pageFeatures")]
    click = [*view[:6], *features, *view[6:-1], "es", "tm", "rqm"]
    for flow in pixel_flows:
        assert flow.request.method == "GET"
        assert flow.request.http_version == "HTTP/2.0"
        assert "host" not in flow.request.headers
        assert len(flow.request.url) < 2048
        assert "+" not in flow.request.path
        parameters = told(flow)
        assert list(parameters) == (click if parameters["ev"] == "SubscribedButtonClick" else view)
        assert 0 < flow.request.timestamp_start - int(parameters["ts"]) / 1000 < 0.1
        if parameters["ev"] == "SubscribedButtonClick":
            assert "cd[buttonText]=" in flow.request.path
            assert json.loads(parameters["cd[formFeatures]"]) == []


def test_numbers_are_masked_in_one_of_the_two_button_texts(pixel_flows: list[http.HTTPFlow]) -> None:
    (flow,) = (flow for flow in pixel_flows if flow.metadata["pixelwitness_finding"] == "R09")
    assert told(flow)["cd[buttonText]"] == "I am under 0"
    assert json.loads(told(flow)["cd[buttonFeatures]"])["innerText"] == "I am under 18"


def test_pages_are_opened_in_the_order_of_time_with_ids_of_their_own(flows: list[http.HTTPFlow]) -> None:
    starts = [flow.request.timestamp_start for flow in flows]
    assert starts == sorted(starts)
    assert len({flow.id for flow in flows}) == len(flows)
    assert Counter(len(flow.request.headers.get_all("cookie")) for flow in flows)[5] == 1


def test_no_name_of_a_real_site_is_in_the_files(findings: build.Findings) -> None:
    for content in (captures.RECONSTRUCTION.read_bytes(), build.FINDINGS.read_bytes()):
        assert b".nhs.uk" not in content
        assert b".org.uk" not in content


def test_a_url_that_cannot_be_an_image_request_is_refused() -> None:
    with pytest.raises(ValueError, match="image request"):
        build.pixel_path([("dl", "x" * 2048)])


def test_destinations_stay_on_the_trusts_own_site(findings: build.Findings, pixel_flows: list[http.HTTPFlow]) -> None:
    for flow in pixel_flows:
        features = parse_qs(urlsplit(flow.request.url).query).get("cd[buttonFeatures]")
        destination = json.loads(features[0])["destination"] if features else ""
        if destination:
            assert urlsplit(destination).hostname == urlsplit(told(flow)["dl"]).hostname


def test_the_package_itself_does_not_import_mitmproxy() -> None:
    program = "import sys, captures; sys.exit('mitmproxy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=captures.HERE.parent)
