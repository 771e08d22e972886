"""What the README and the pages under docs/ say of commands, options, codes and words is so."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from addon.vocabulary import LINKABILITY_ORDER, ConsentState, Delivery
from captures import SAME_BROWSING_HAR, SAME_BROWSING_MITM
from cli.commands.reading import FormatName
from cli.exits import ExitCode
from cli.main import app
from cli.schema import SCHEMA
from rules.score import BANDS

EXAMPLE_EVENT = "e1a2b3c4d5e6"
NOT_OURS = {"--set", "--"}
"""Options of mitmproxy that the pages name."""

NOT_RUN = {"live", "proxy", "watch", "forget", "demo"}
"""Commands that the walk through the pages leaves out: three run until they are ended, the others have tests."""


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", {"--help", "-h"} | {option for item in command.params for option in item.opts}


COMMANDS = dict(_commands(typer.main.get_command(app)))
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}


def _uses(words: list[str]) -> tuple[str, list[str]] | None:
    """Return the command and the options that a line names, or None where it calls something else."""
    start = next((at for at, word in enumerate(words) if word == "pixelwitness"), None)
    if start is None or len(words) == start + 1:
        return None
    rest = words[start + 1 :]
    rest = rest[: rest.index("--")] if "--" in rest else rest
    if rest[0].startswith("-") or rest[0] == "COMMAND":
        return None
    command = " ".join(rest[:2]) if rest[0] in GROUPS else rest[0]
    return command, [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]


def _named(pages: list[Any], shell_lines: Callable[[Any], list[list[str]]]) -> Iterator[tuple[str, str, list[str]]]:
    for page in pages:
        lines = shell_lines(page)
        for span in page.spans():
            if "pixelwitness " in span and '"$(' not in span:
                lines.append(shlex.split(span))
        for words in lines:
            if (use := _uses(words)) is not None:
                yield page.path.name, *use


def test_every_command_named_exists_with_the_options_named(pages, shell_lines) -> None:
    named = list(_named(pages, shell_lines))
    assert len(named) > 50
    for page, command, options in named:
        assert command in COMMANDS, f"{page}: pixelwitness {command}"
        for option in options:
            known = {option} if option in COMMANDS[command] else {f"-{letter}" for letter in option.lstrip("-")}
            assert known <= COMMANDS[command], f"{page}: pixelwitness {command} {option}"


def test_options_named_alone_belong_to_some_command(pages) -> None:
    known = set().union(*COMMANDS.values()) | NOT_OURS
    for page in pages:
        for span in page.spans():
            if span.startswith("--"):
                assert span.split()[0] in known, f"{page.path.name}: {span}"


def test_the_table_of_commands_lists_every_command_with_its_own_options(page, code_in) -> None:
    rows = page("README.md").table("Command", "What it does")
    assert {code_in(cell)[0].removeprefix("pixelwitness ") for cell, _ in rows} == set(COMMANDS)
    everywhere = {"--db", "--help", "-h"}
    for cell, text in rows:
        command = code_in(cell)[0].removeprefix("pixelwitness ")
        named = {word for word in code_in(text) if word.startswith("-")}
        assert named <= COMMANDS[command]
        unnamed = COMMANDS[command] - named - everywhere
        assert not {option for option in unnamed if option.startswith("--")} - {"--output", "--verbose"}, command


def test_the_table_of_exit_codes_is_that_of_the_code(page) -> None:
    rows = page("README.md").table("Code", "Meaning")
    assert [int(code) for code, _ in rows] == sorted(ExitCode)


def test_tables_of_values_are_those_of_the_code(page, code_in) -> None:
    readme = page("README.md")
    assert {code_in(cell)[0] for cell, _ in readme.table("Word", "What is known")} == set(get_args(Delivery))
    assert {code_in(cell)[0] for cell, _ in readme.table("State")} == set(get_args(ConsentState))
    assert tuple(code_in(cell)[0] for cell, _ in readme.table("Tie")) == LINKABILITY_ORDER


@pytest.mark.parametrize("name", ["README.md", "rules.md"])
def test_bands_are_those_of_the_policy(page, name) -> None:
    rows = [(int(points.split("–")[0]), band) for band, points, *_ in page(name).table("Band", "Points")]  # noqa: RUF001
    assert rows == list(BANDS)


def test_formats_and_schema_are_named_as_they_are(page) -> None:
    text = page("README.md").text
    assert f"`{SCHEMA}`" in text
    for name in FormatName:
        assert f"`{name.value}`" in text or f"--format {name.value}" in text or f"visit.{name.value}" in text


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_relative_links_lead_somewhere(pages) -> None:
    for page in pages:
        slugs = {_slug(heading) for heading in re.findall(r"^#+ (.+)$", page.prose, re.MULTILINE)}
        for link in re.findall(r"\]\(([^)\s]+)\)", page.prose):
            target, _, anchor = link.partition("#")
            if target.startswith(("http://", "https://")):
                continue
            assert not target or (page.path.parent / target).exists(), f"{page.path.name}: {link}"
            assert not anchor or target or anchor in slugs, f"{page.path.name}: {link}"


def test_make_targets_named_exist(pages, root) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in pages:
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.text, re.MULTILINE)) <= targets


def test_a_reader_can_type_what_the_pages_say(pages, page, shell_lines, tmp_path: Path, monkeypatch) -> None:
    """Run the commands of every page in their order, in a folder with a recording, a HAR and a table."""
    shutil.copy(SAME_BROWSING_MITM, tmp_path / "visit.mitm")
    shutil.copy(SAME_BROWSING_HAR, tmp_path / "visit.har")
    (tmp_path / "pages.csv").write_text("url,title_or_button,own\nhttps://clinic.example/hiv/,Book,1\n", "utf-8")
    rule = tmp_path / "my-rules/en/general_conditions/misophonia.yaml"
    rule.parent.mkdir(parents=True)
    rule.write_text(page("rules.md").blocks("yaml")[0], "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXELWITNESS_DB", raising=False)
    runner = CliRunner()
    event = ""
    for one in pages:
        for words in shell_lines(one):
            use = _uses(words)
            if use is None or use[0] in NOT_RUN:
                continue
            typed = [event if word == EXAMPLE_EVENT else word for word in words[words.index("pixelwitness") + 1 :]]
            result = runner.invoke(app, typed)
            wanted = ExitCode.FINDINGS if "--fail-over" in words else ExitCode.OK
            assert result.exit_code == wanted, f"{one.path.name}: {' '.join(typed)}\n{result.output}"
            if use[0] == "replay" and not event:
                listed = runner.invoke(app, ["events", "visit"])
                event = listed.output.splitlines()[1].split()[0]
    assert (tmp_path / "visit.html").exists()
    assert (tmp_path / "scored.csv").read_text("utf-8").startswith("url,title_or_button,own,score,band,tier,categories")
