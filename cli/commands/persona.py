"""Commands about the test person: make one, see what will be looked for, look for it in a session."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DEFAULT_DATABASE, Database
from cli.talk import put, say, write_file

if TYPE_CHECKING:
    from addon.persona.person import Person
    from addon.store.store import Store

app = typer.Typer(
    help="Make an invented person, and look for what you typed of it.", no_args_is_help=True, add_completion=False
)


@app.command("new")
def new_person(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file, for you alone.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="TEXT", help="The same text gives the same person again.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Invent a person: nobody's name, address and numbers, kept for tests by those who give them out.

    Example:

      pixelwitness persona new -o person.yaml
    """
    from addon.persona.invent import invented_person  # noqa: PLC0415 - loaded when needed

    text = invented_person(seed)
    if output is None:
        put(text)
        return
    if output.exists() and not force:
        raise typer.BadParameter(f"{output} exists already; name another file, or say --force")
    write_file(output, text)
    say(f"Type these details, and no others, while you record. Then: pixelwitness replay visit.mitm --persona {output}")
    put(str(output))


@app.command("show")
def show_person(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The person's file: YAML, TOML or JSON.")],
    hashes: Annotated[bool, typer.Option("--hashes", help="List every hash, too: for searching other tools.")] = False,
) -> None:
    """Show every way in which a person's details will be looked for. Nothing is stored.

    Example:

      pixelwitness persona show person.yaml
    """
    from addon.persona.forms import Forms  # noqa: PLC0415 - loaded when needed
    from addon.persona.person import read_person  # noqa: PLC0415
    from addon.persona.spellings import spellings  # noqa: PLC0415
    from cli.persons import detail_words, written_words  # noqa: PLC0415
    from cli.tables import table  # noqa: PLC0415
    from cli.terminal import printable  # noqa: PLC0415

    person = read_person(file)
    forms = Forms(person)
    if hashes:
        for digest, form in forms.digests.items():
            words = written_words(form.written, f"the {detail_words(form.kind, form.field)}", form.how)
            put(printable(f"{digest}  {words}"))
        return
    rows = [
        (detail_words(item.kind, item.field), item.text, item.how)
        for item in spellings(person)
        if item.kind != "ph" or len(person.texts("country")) or "country code" not in item.how
    ]
    put(table(("detail", "text", "written"), rows))
    say(
        f"{len(person.details)} details of {person.label}, and {len(forms.digests):,} hashes of them: MD5, SHA-1, "
        "SHA-256 and SHA-512, and SHA-256 of the first three (--hashes lists them). All are also looked for "
        "URL-encoded and in base64, up to four times over."
    )
    if person.texts("ph") and not person.texts("country"):
        say("No country is given, so the phone number is looked for with every known country code.")
    say("Names, towns, countries and genders are looked for in clear only where a parameter is made for them.")


@app.command("match")
def match_person(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id or its beginning.")],
    persona: Annotated[Path, typer.Option("--persona", metavar="FILE", help="The person's file: YAML, TOML or JSON.")],
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who states that this was typed.")] = None,
    db: Database = DEFAULT_DATABASE,
) -> None:
    """Look for a person's details in a stored session. The database keeps where they are, never what they are.

    A later search for a person of the same label replaces the earlier one.

    Example:

      pixelwitness persona match visit --persona person.yaml
    """
    from addon.persona.person import read_person  # noqa: PLC0415 - loaded when needed
    from addon.store.store import Store  # noqa: PLC0415

    person = read_person(persona)
    with Store(db, create=False) as store:
        search_session(store, store.session(session).id, person, by)


def read(path: Path | None) -> "Person | None":
    """Return the person that an option names, or None where it was not given. Raises PersonFileError."""
    from addon.persona.person import read_person  # noqa: PLC0415 - loaded when needed

    return None if path is None else read_person(path)


def search_session(store: "Store", session: str, person: "Person", by: str | None) -> None:
    """Look for a person in a session, keep what is found and say in a sentence what it is."""
    from addon.persona.matching import match  # noqa: PLC0415 - loaded when needed
    from cli import wording  # noqa: PLC0415
    from cli.persons import detail_words  # noqa: PLC0415

    found = match(store, session, person, by)
    fields = {item.kind: item.field for item in person.details}
    named = wording.listed([detail_words(kind, fields.get(kind, kind)) for kind in found.kinds])
    what = f"in {wording.count(found.holding, 'request')}: {named}" if found.holding else "in none of them"
    known = "; as known already" if found.known else ""
    say(f"{person.label.capitalize()}, looked for in {wording.count(found.requests, 'request')}: found {what}{known}.")
    if found.cut:
        say(f"{wording.count(found.cut, 'request')} were too long to be searched to the end.")
