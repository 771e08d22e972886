"""The command that explains parameters."""

import pytest
from typer.testing import CliRunner, Result

from addon.decoders.meta.dictionary import KNOWN_FROM, all_parameters
from cli.exits import ExitCode
from cli.main import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["params", *words])


def test_all_parameters_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run()
    head, *rows = result.stdout.splitlines()
    assert result.exit_code == ExitCode.OK
    assert head.split() == ["parameter", "person", "health", "meaning"]
    assert [row.split("  ")[0] for row in rows] == [found.name for found in all_parameters()]
    assert result.stderr.startswith(f"{len(rows)} parameters.")


@pytest.mark.parametrize("found", all_parameters(), ids=lambda found: found.name)
def test_one_parameter_in_full(found) -> None:
    result = run(found.name)
    assert result.exit_code == ExitCode.OK
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[:2] == [found.name, found.meaning]
    assert lines[-1] == f"Known from: {found.source} ({KNOWN_FROM[found.known_from]})"
    assert lines[2].startswith("Person:     yes" if found.may_identify else "Person:     no")
    assert lines[3].startswith("Health:     yes" if found.may_carry_health else "Health:     no")


def test_a_name_that_a_pattern_covers() -> None:
    assert run("cd[some_key]").stdout.splitlines()[0] == "cd[some_key] (documented as cd[*])"


@pytest.mark.parametrize("name", ["nobody-knows-this", "", "\x1b[2J"])
def test_an_unknown_name(name: str) -> None:
    result = run(name)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stdout == ""
    assert "is not documented; pixelwitness params lists those that are." in result.stderr
    assert "\x1b" not in result.stderr
