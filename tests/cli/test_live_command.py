"""What the command live makes of what is typed."""

from pathlib import Path

import pytest
import typer

from cli.commands.live import page_address, unused


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("www.clinic.example", "https://www.clinic.example"),
        ("clinic.example:8443/a?b#c", "https://clinic.example:8443/a?b#c"),
        ("http://clinic.example/", "http://clinic.example/"),
        ("localhost:3000", "http://localhost:3000"),
        ("127.0.0.1:3000/a", "http://127.0.0.1:3000/a"),
        ("[::1]:3000", "http://[::1]:3000"),
        ("localhost.example", "https://localhost.example"),
        ("HTTPS://clinic.example", "HTTPS://clinic.example"),
        ("bücher.example", "https://bücher.example"),
    ],
)
def test_what_is_typed_becomes_an_address(typed: str, address: str) -> None:
    assert page_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    ["", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "https://", "a b.example", "https://[x/",
     "about:blank", "chrome://version", "https://a.example:99999", "x.example/\x1b[2J"],
)  # fmt: skip
def test_what_is_no_website_is_refused(typed: str) -> None:
    with pytest.raises(typer.BadParameter, match="no address of a website"):
        page_address(typed)


def test_files_beside_the_database_get_a_name_of_their_own(tmp_path: Path) -> None:
    db = tmp_path / "visits.db"
    assert unused(db, "a/../b: c", "html") == tmp_path / "a-..-b-c.html"
    assert unused(db, "../..", "mitm").parent == tmp_path
    (tmp_path / "visit.html").touch()
    (tmp_path / "visit-2.html").touch()
    assert unused(db, "visit", "html") == tmp_path / "visit-3.html"
