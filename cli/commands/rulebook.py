"""Commands for people who read and write rules: rules list, check, test, score."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import ExitCode
from cli.options import Rules
from cli.talk import make_folder, put, say, write_file

if TYPE_CHECKING:
    from rules.engine import Matcher
    from rules.ruleset import RuleSet

app = typer.Typer(help="Read, check and try the rules that score.", no_args_is_help=True)

LONGEST_CELL = 10_000_000

RulePacks = Annotated[
    list[str] | None,
    typer.Option("--packs", metavar="NAME", help="Optional packs instead of the rules for health; or all of them."),
]


@app.command("list")
def list_rules(
    category: Annotated[
        str | None, typer.Option("--category", metavar="NAME", help="Only rules of this topic, action or section.")
    ] = None,
    rules: Rules = None,
    packs: RulePacks = None,
) -> None:
    """List the rules: id, version, kind, category, title."""
    from cli.rulebook import chosen_matcher  # noqa: PLC0415 - loaded when needed
    from cli.tables import table  # noqa: PLC0415

    ruleset = chosen_matcher(rules, packs).ruleset
    rows = [
        (rule.id, str(rule.version), rule.kind.value, rule.tier or rule.context or "", rule.category, rule.title)
        for rule in ruleset.rules
        if category is None or rule.category == category
    ]
    put(table(("rule", "version", "kind", "tier", "category", "title"), rows))
    say(f"{len(rows)} rules; digest of the whole set {ruleset.digest}")


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Your rule files or folders; the built-in ones and all packs if none."),
    ] = None,
    packs: RulePacks = None,
) -> None:
    """Check rule files and say what to change, with file and line. Exits with 4 where a rule is wrong."""
    from rules.lint import check as issues_of  # noqa: PLC0415 - loaded when needed

    issues = []
    count = 0
    for ruleset, own in _checked(paths, packs):
        count += len(own)
        found = issues_of(ruleset)
        if len(own) < len(ruleset.rules):
            files = {source.path for source in ruleset.sources if source.rule in own}
            found = [
                issue for issue in found if issue.path in files or any(f"{rule}," in issue.problem for rule in own)
            ]
        issues += found
    for issue in issues:
        put(f"{issue.path}:{issue.line}: {issue.severity}: {issue.problem} [{issue.check}]\n    {issue.recommendation}")
    errors = sum(issue.severity == "error" for issue in issues)
    say(f"{count} rules, {errors} errors, {len(issues) - errors} warnings.")
    if errors:
        raise typer.Exit(ExitCode.RULES)


@app.command("test")
def run_examples(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Your rule files or folders; the built-in ones and all packs if none."),
    ] = None,
    packs: RulePacks = None,
) -> None:
    """Run the examples that the rules carry. Exits with 4 where one does not hold."""
    from rules.engine import Matcher  # noqa: PLC0415 - loaded when needed
    from rules.lint import is_found  # noqa: PLC0415

    ran = failed = 0
    for ruleset, own in _checked(paths, packs):
        judge = Matcher(ruleset)
        for rule in ruleset.rules:
            if rule.id not in own:
                continue
            for wanted, examples in ((True, rule.examples.match), (False, rule.examples.no_match)):
                for example in examples:
                    ran += 1
                    if is_found(rule, example, judge) != wanted:
                        failed += 1
                        what = "does not match" if wanted else "matches"
                        put(f"{rule.id}: {what} ({example.field.value}) {example.text}")
    say(f"{ran} examples, {failed} do not hold.")
    if failed:
        raise typer.Exit(ExitCode.RULES)


@app.command()
def score(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="A text or an address to score.")] = None,
    field: Annotated[
        str | None,
        typer.Option("--field", metavar="NAME", help="Where the text stands; page.url for addresses, else page.title."),
    ] = None,
    table_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Score a table with the columns url and title_or_button."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the table goes.")] = None,
    rules: Rules = None,
    packs: RulePacks = None,
) -> None:
    """Show how a text scores, step by step, or score a whole table.

    A table keeps its columns and gains score, band, tier and categories.

    Examples:

      pixelwitness rules score "Book an HIV test"

      pixelwitness rules score --field page.url https://clinic.example/hiv/

      pixelwitness rules score --csv pages.csv -o scored.csv

      pixelwitness rules score --packs politics "Join the Labour Party"
    """
    from cli.rulebook import chosen_matcher  # noqa: PLC0415 - loaded when needed

    if (text is None) == (table_file is None):
        raise typer.BadParameter("give either a text or a table with --csv")
    if table_file is not None:
        _score_table(table_file, output, chosen_matcher(rules, packs))
    elif text is not None:
        _score_text(text, field, chosen_matcher(rules, packs))


@app.command()
def coverage(
    vocabulary: Annotated[Path, typer.Argument(metavar="LIST", help="One entry a line, or a table (.csv, .tsv).")],
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="The column of a table that holds the entries.")
    ] = None,
    on_provider: Annotated[
        bool, typer.Option("--on-provider", help="Read every entry as a title on a care provider's site.")
    ] = False,
    rules: Rules = None,
) -> None:
    """Say which entries of your own vocabulary no topic or action of the rules meets.

    Example:

      pixelwitness rules coverage conditions.tsv --column name
    """
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from cli.terminal import printable  # noqa: PLC0415
    from rules.coverage import VocabularyError, covered, entries  # noqa: PLC0415

    try:
        listed = entries(vocabulary, column)
    except VocabularyError as error:
        raise typer.BadParameter(str(error)) from None
    judge = matcher(rules)
    missed = [entry for entry in listed if not covered(entry, judge, on_provider=on_provider)]
    for entry in missed:
        put(printable(entry))
    met = len(listed) - len(missed)
    say(f"{met} of {len(listed)} entries are met ({met / max(1, len(listed)):.1%}); the others stand above.")


@app.command("new")
def new_rule(
    rule: Annotated[str, typer.Argument(metavar="ID", help="Language, folder and name, such as en/my-topic/my-rule.")],
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="The folder your rules are in.")],
    kind: Annotated[str, typer.Option("--kind", help="topic, action, context or suppressor.")] = "topic",
) -> None:
    """Begin a rule file; `rules check` then says what is still missing.

    Example:

      pixelwitness rules new en/rare-conditions/ehlers-danlos --folder my-rules
    """
    from rules.template import TemplateError, rule_template  # noqa: PLC0415 - loaded when needed

    try:
        text = rule_template(rule, kind)
    except TemplateError as error:
        raise typer.BadParameter(str(error)) from None
    target = folder / f"{rule}.yaml"
    if target.exists():
        raise typer.BadParameter(f"{target} exists already")
    make_folder(target.parent)
    write_file(target, text)
    say(f"Next: fill it in, then run: pixelwitness rules check {folder}")
    put(str(target))


def _checked(paths: Sequence[Path] | None, packs: Sequence[str] | None) -> Iterator[tuple["RuleSet", frozenset[str]]]:
    """Yield the rule sets to look at, each with the ids of the rules that are meant.

    The user's own where paths are given, the packs that are named, and else everything that is built in.
    """
    from cli.rulebook import matcher, packs_matcher  # noqa: PLC0415 - loaded when needed
    from rules.loader import ALL_PACKS, in_a_pack  # noqa: PLC0415

    if paths or not packs:
        ruleset = matcher(paths).ruleset
        yield (
            ruleset,
            frozenset(source.rule for source in ruleset.sources if not paths or source.origin == "user"),
        )
    if packs or not paths:
        optional = packs_matcher(packs or [ALL_PACKS]).ruleset
        yield optional, frozenset(rule.id for rule in optional.rules if in_a_pack(rule.id))


def _score_text(text: str, field: str | None, judge: "Matcher") -> None:
    from cli.terminal import printable  # noqa: PLC0415 - loaded when needed
    from rules.model import Field, FieldName  # noqa: PLC0415

    names = {name.value: name for name in FieldName}
    chosen = field or ("page.url" if "://" in text else "page.title")
    if chosen not in names:
        raise typer.BadParameter(f"--field {chosen!r} is none of: {', '.join(names)}")
    result = judge.evaluate([Field(name=names[chosen], parameter="text", text=text)])
    lines = [f"{result.score} {result.band} (tier {result.tier})"]
    lines += [f"{step.delta:+5d} = {step.total:3d}  {step.label}" for step in result.steps]
    lines += [
        f"  {finding.rule} v{finding.version}: “{finding.evidence.text}” "
        f"at {finding.evidence.start}-{finding.evidence.end} in {finding.evidence.field.value}: {finding.reason}"
        for finding in result.findings
    ]
    lines += [f"  near miss {miss.rule}: “{miss.text}”: {miss.why}" for miss in result.near_misses]
    put("\n".join(printable(line) for line in lines))


def _score_table(path: Path, output: Path | None, judge: "Matcher") -> None:
    from rules.table import MissingColumnError, score_table  # noqa: PLC0415 - loaded when needed

    csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            scored = list(score_table(csv.DictReader(file), judge))
    except MissingColumnError as error:
        raise typer.BadParameter(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None
    target = io.StringIO(newline="")
    heads = list(scored[0]) if scored else ["url", "title_or_button", "score", "band", "tier", "categories"]
    writer = csv.DictWriter(target, heads, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(scored)
    if output is None:
        sys.stdout.write(target.getvalue())
    else:
        write_file(output, target.getvalue())
        say(f"{len(scored)} rows scored: {output}")
