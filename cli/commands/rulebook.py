"""Commands for people who read and write rules: rules list, check, test, score."""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import ExitCode
from cli.options import Rules
from cli.talk import make_folder, put, say, write_file

app = typer.Typer(help="Read, check and try the rules that score.", no_args_is_help=True)

LONGEST_CELL = 10_000_000


@app.command("list")
def list_rules(
    category: Annotated[
        str | None, typer.Option("--category", metavar="NAME", help="Only rules of this topic, action or section.")
    ] = None,
    rules: Rules = None,
) -> None:
    """List the rules: id, version, kind, category, title."""
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from cli.tables import table  # noqa: PLC0415

    ruleset = matcher(rules).ruleset
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
        typer.Argument(metavar="PATH...", help="Your rule files or folders; the built-in ones if none."),
    ] = None,
) -> None:
    """Check rule files and say what to change, with file and line. Exits with 4 where a rule is wrong."""
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from rules.lint import check as issues_of  # noqa: PLC0415

    ruleset = matcher(paths).ruleset
    issues = issues_of(ruleset)
    if paths:
        own = {source.rule: source.path for source in ruleset.sources if source.origin == "user"}
        issues = [
            issue for issue in issues if issue.path in own.values() or any(f"{rule}," in issue.problem for rule in own)
        ]
    for issue in issues:
        put(f"{issue.path}:{issue.line}: {issue.severity}: {issue.problem} [{issue.check}]\n    {issue.recommendation}")
    errors = sum(issue.severity == "error" for issue in issues)
    say(f"{len(ruleset.rules)} rules, {errors} errors, {len(issues) - errors} warnings.")
    if errors:
        raise typer.Exit(ExitCode.RULES)


@app.command("test")
def run_examples(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Your rule files or folders; the built-in ones if none."),
    ] = None,
) -> None:
    """Run the examples that the rules carry. Exits with 4 where one does not hold."""
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from rules.lint import is_found  # noqa: PLC0415

    judge = matcher(paths)
    own = {source.rule for source in judge.ruleset.sources if source.origin == "user"}
    ran = failed = 0
    for rule in judge.ruleset.rules:
        if paths and rule.id not in own:
            continue
        for wanted, examples in ((True, rule.examples.match), (False, rule.examples.no_match)):
            for example in examples:
                ran += 1
                if is_found(rule, example, judge) != wanted:
                    failed += 1
                    put(
                        f"{rule.id}: {'does not match' if wanted else 'matches'} ({example.field.value}) {example.text}"
                    )
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
) -> None:
    """Show how a text scores, step by step, or score a whole table.

    A table keeps its columns and gains score, band, tier and categories.

    Examples:

      pixelwitness rules score "Book an HIV test"

      pixelwitness rules score --field page.url https://clinic.example/hiv/

      pixelwitness rules score --csv pages.csv -o scored.csv
    """
    if (text is None) == (table_file is None):
        raise typer.BadParameter("give either a text or a table with --csv")
    if table_file is not None:
        _score_table(table_file, output, rules)
    elif text is not None:
        _score_text(text, field, rules)


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


def _score_text(text: str, field: str | None, rules: list[Path] | None) -> None:
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from cli.terminal import printable  # noqa: PLC0415
    from rules.model import Field, FieldName  # noqa: PLC0415

    names = {name.value: name for name in FieldName}
    chosen = field or ("page.url" if "://" in text else "page.title")
    if chosen not in names:
        raise typer.BadParameter(f"--field {chosen!r} is none of: {', '.join(names)}")
    result = matcher(rules).evaluate([Field(name=names[chosen], parameter="text", text=text)])
    lines = [f"{result.score} {result.band} (tier {result.tier})"]
    lines += [f"{step.delta:+5d} = {step.total:3d}  {step.label}" for step in result.steps]
    lines += [
        f"  {finding.rule} v{finding.version}: “{finding.evidence.text}” "
        f"at {finding.evidence.start}-{finding.evidence.end} in {finding.evidence.field.value}: {finding.reason}"
        for finding in result.findings
    ]
    lines += [f"  near miss {miss.rule}: “{miss.text}”: {miss.why}" for miss in result.near_misses]
    put("\n".join(printable(line) for line in lines))


def _score_table(path: Path, output: Path | None, rules: list[Path] | None) -> None:
    from cli.rulebook import matcher  # noqa: PLC0415 - loaded when needed
    from rules.table import MissingColumnError, score_table  # noqa: PLC0415

    csv.field_size_limit(LONGEST_CELL)
    judge = matcher(rules)
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
