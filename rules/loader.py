"""Rule files to a rule set.

A rule is one YAML file; its path below its folder, without the suffix, is its id, and the first folder its
language. All errors of all files are found before anything is refused. Reading YAML is slow, and so is making rules
ready to be matched, so both are kept in the user's cache directory under the digest of the files' contents.

Beside the rules for health there are optional packs for other special categories. They are never part of
`load_rules`: `load_packs` makes a set of its own of those that somebody names.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from rules.cache import keep, kept, key_of
from rules.errors import RuleFileError, RuleSetError, UnknownPackError
from rules.model import Frozen, Rule, RuleKind
from rules.ruleset import Origin, RuleContent, RuleSet, RuleSource, make_ruleset, sorted_content
from rules.tables import Tables, tables_from_json, tables_to_json

PACKS = Path(__file__).parent / "packs"
"""The folder of the built-in rules."""

OPTIONAL = Path(__file__).parent / "optional"
"""The folder of the optional packs, one folder each: `<pack>/<language>/<rule>.yaml`."""

ALL_PACKS = "all"
"""Stands for every optional pack where packs are named."""

HEALTH_SUPPRESSORS = frozenset(
    {
        "en/suppressors/fundraising",
        "en/suppressors/governance",
        "en/suppressors/insurance",
        "en/suppressors/law-and-police",
        "en/suppressors/shop",
        "en/suppressors/visiting",
        "en/suppressors/volunteering",
    }
)
"""Suppressors that speak for health only, and that no optional pack is read with.

Joining, giving, shopping, going to law and owing money tell little of somebody's health; of their politics,
their union, their faith, their debts or their sex life they tell most.
"""

SUFFIXES = frozenset({".yaml", ".yml"})

MAX_BYTES = 256 * 1024
"""The largest rule file that is read."""

MAX_FILES = 10_000
"""The most rule files one folder may hold: more, and it is surely not a folder of rules."""


class _File(NamedTuple):
    """A rule file before it is read."""

    path: Path
    rule: str
    origin: Origin


class _Read(Frozen):
    """A rule and the lines of its attributes: what the cache holds."""

    rule: Rule
    lines: Mapping[str, int]


class _Listed(NamedTuple):
    """Rule files with what they held when they were listed, and the key that their content has in the cache."""

    files: Sequence[_File]
    contents: Sequence[bytes]
    key: str


def load_rules(paths: Sequence[Path] = (), *, built_in: bool = True) -> RuleSet:
    """Load the built-in rules and those of the user's folders and files.

    Of two rules with the same id the one loaded later counts: built-in rules first, then `paths` in their
    order; its source says what it replaces. Raises RuleSetError with every error of every file.
    """
    errors: list[RuleFileError] = []
    groups: list[tuple[Path, Origin]] = [(PACKS, "built-in")] if built_in else []
    groups.extend((path, "user") for path in paths)
    listed = _listed([file for root, origin in groups for file in _files(root, origin, errors)], errors)
    if errors:
        _read_all(listed, errors)
    return _ruleset(listed.key, partial(_all, listed), partial(_some, listed))


def _ruleset(
    key: str, content: Callable[[], RuleContent], some: Callable[[Collection[str]], tuple[Rule, ...]] | None = None
) -> RuleSet:
    """Return the set of rules whose files have this key; where its tables are known nothing else is read yet."""
    name = f"tables-{key}.json"
    known = kept(name)
    if known is not None:
        try:
            tables = tables_from_json(known)
        except (ValueError, KeyError, TypeError, IndexError):
            pass
        else:
            return RuleSet(tables.digest, content, tables, some=some)
    rules, sources = content()
    return make_ruleset(rules, sources, keep=partial(_keep_tables, name))


def _keep_tables(name: str, tables: Tables) -> None:
    keep(name, tables_to_json(tables))


def _listed(files: Iterable[_File], errors: list[RuleFileError]) -> _Listed:
    """Read the files as they are; what cannot be read is an error."""
    readable: list[_File] = []
    contents: list[bytes] = []
    for file in files:
        try:
            contents.append(_content(file.path))
            readable.append(file)
        except RuleFileError as error:
            errors.append(error)
    ids = (file.rule.encode("utf-8", "surrogateescape") for file in readable)
    return _Listed(readable, contents, key_of(part for pair in zip(ids, contents, strict=True) for part in pair))


def _read(listed: _Listed) -> tuple[_Read, ...]:
    """Return the rules of the files, from the cache where they were read before. Raises RuleSetError."""
    lines = _lines(listed)
    if lines is not None:
        try:
            return tuple(_Read.model_validate_json(line) for line in lines)
        except ValidationError:
            pass
    read = _read_all(listed, [])
    keep(_name(listed), b"\n".join(item.model_dump_json().encode() for item in read))
    return read


def _all(listed: _Listed) -> RuleContent:
    """Return the rules of the files and where they were read."""
    return _assemble(listed.files, _read(listed))


def _some(listed: _Listed, ids: Collection[str]) -> tuple[Rule, ...]:
    """Return the rules that have these ids, sorted by id, and make no others where the cache knows them."""
    wanted = {file.rule: number for number, file in enumerate(listed.files) if file.rule in ids}
    lines = _lines(listed) if wanted else []
    if lines is not None:
        try:
            return tuple(_Read.model_validate_json(lines[wanted[rule]]).rule for rule in sorted(wanted))
        except ValidationError:
            pass
    return tuple(rule for rule in _all(listed).rules if rule.id in ids)


def _name(listed: _Listed) -> str:
    return f"rules-{listed.key}.json"


def _lines(listed: _Listed) -> list[bytes] | None:
    """Return what the cache holds of the files, one line each; None if it holds nothing of them."""
    known = kept(_name(listed))
    lines = known.split(b"\n") if known is not None else []
    return lines if known is not None and len(lines) == len(listed.files) else None


def optional_packs() -> tuple[str, ...]:
    """Return the names of the optional packs."""
    if not OPTIONAL.is_dir():
        return ()
    return tuple(sorted(path.name for path in OPTIONAL.iterdir() if path.is_dir() and not path.name.startswith(".")))


def pack_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the optional packs that are meant, each once and in order; `all` stands for every one of them.

    Raises UnknownPackError, which names the packs there are.
    """
    known = optional_packs()
    wanted = set(names)
    for name in sorted(wanted):
        if name != ALL_PACKS and name not in known:
            raise UnknownPackError(name, known)
    return known if ALL_PACKS in wanted else tuple(name for name in known if name in wanted)


def load_packs(names: Iterable[str]) -> RuleSet:
    """Load the rules of optional packs, with the built-in suppressors that hold for them too.

    Raises UnknownPackError (a ValueError) for a name that no pack has, and RuleSetError as `load_rules` does.
    """
    chosen = pack_names(names)
    errors: list[RuleFileError] = []
    optional = _listed(
        [
            file._replace(rule=_id_in_pack(file.rule, name))
            for name in optional_packs()
            for file in _files(OPTIONAL / name, "built-in", errors)
        ],
        errors,
    )
    if errors:
        _read_all(optional, errors)
    built_in = _listed(_files(PACKS, "built-in", errors), errors)
    if errors:
        _read_all(built_in, errors)
    key = key_of([optional.key.encode(), built_in.key.encode(), *(name.encode() for name in chosen)])
    return _ruleset(key, partial(_content_of_packs, chosen, optional, built_in))


def _content_of_packs(chosen: Collection[str], optional: _Listed, built_in: _Listed) -> RuleContent:
    """Return the rules of the packs that were chosen, and the built-in ones that are read with them."""
    health = _all(built_in)
    others = _all(optional)
    wanted = {rule.id: rule for rule in others.rules if _pack_of(rule.id) in chosen}
    wanted |= {
        rule.id: rule for rule in health.rules if rule.kind is RuleKind.SUPPRESSOR and rule.id not in HEALTH_SUPPRESSORS
    }
    sources = (source for source in (*others.sources, *health.sources) if source.rule in wanted)
    return sorted_content(wanted.values(), sources)


def in_a_pack(rule: str) -> bool:
    """Tell whether an id is that of a rule of an optional pack."""
    return _pack_of(rule) in optional_packs()


def _pack_of(rule: str) -> str:
    return rule.split("/")[1] if "/" in rule else ""


def _id_in_pack(path: str, pack: str) -> str:
    """Return the id of a rule of an optional pack from its path: `en/debt` is `en/vulnerable_situations/debt`."""
    language, _, rest = path.partition("/")
    return f"{language}/{pack}/{rest}"


def _files(root: Path, origin: Origin, errors: list[RuleFileError]) -> list[_File]:
    """List the rule files of a folder, or the one file that was named."""
    if root.is_file():
        return [_File(root, _id_of_file(root), origin)]
    if not root.is_dir():
        errors.append(RuleFileError(root, 0, "", "no such file or folder"))
        return []
    found: list[_File] = []
    ids: dict[str, str] = {}
    top = len(os.fspath(root))
    for folder, folders, names in os.walk(root, onerror=lambda error: errors.append(_unreadable(root, error))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = folder[top:].replace(os.sep, "/").strip("/")
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - of hundreds of files, at every start
            if suffix not in SUFFIXES or name.startswith("."):
                continue
            path = Path(folder, name)
            if len(found) == MAX_FILES:
                errors.append(RuleFileError(root, 0, "", f"more than {MAX_FILES} rule files"))
                return []
            rule = f"{below}/{stem}" if below else stem
            if rule in ids:
                errors.append(RuleFileError(path, 0, "", f"has the same id as {ids[rule]}"))
            ids[rule] = str(path)
            found.append(_File(path, rule, origin))
    return found


def _id_of_file(path: Path) -> str:
    """Return the id of a file named alone: its path below a folder `packs`, or below `user`."""
    parts = path.resolve().with_suffix("").parts
    if "packs" in parts[:-1]:
        below = len(parts) - parts[::-1].index("packs")
        return "/".join(parts[below:])
    return f"user/{parts[-1]}"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > MAX_BYTES:
        raise RuleFileError(path, 0, "", f"larger than {MAX_BYTES // 1024} KiB: no rule needs that")
    return content


def _unreadable(path: Path, error: OSError) -> RuleFileError:
    return RuleFileError(Path(error.filename or path), 0, "", error.strerror or "cannot be read")


def _read_all(listed: _Listed, errors: list[RuleFileError]) -> tuple[_Read, ...]:
    """Read every file. Raises RuleSetError with `errors` and everything that is wrong in the files."""
    from rules.yamlfile import read_yaml  # noqa: PLC0415 - the YAML parser is only loaded when it is needed

    read: list[_Read] = []
    for file, content in zip(listed.files, listed.contents, strict=True):
        try:
            value, lines = read_yaml(file.path, content)
            read.append(_Read(rule=_rule(file, value, lines), lines=lines))
        except RuleSetError as error:
            errors.extend(error.errors)
        except RuleFileError as error:
            errors.append(error)
    if errors:
        raise RuleSetError(sorted(errors, key=lambda error: (str(error.path), error.line)))
    return tuple(read)


def _rule(file: _File, value: Mapping[str, object], lines: Mapping[str, int]) -> Rule:
    """Return the rule that a file's values make. Raises RuleSetError."""
    if "id" in value:
        raise RuleFileError(file.path, lines["id"], "id", "is the file's path; leave it out")
    folder, _, rest = file.rule.partition("/")
    language = {"language": folder} if rest and "language" not in value and folder != "user" else {}
    try:
        return Rule.model_validate({"id": file.rule, **language, **value})
    except ValidationError as error:
        problems = [
            _problem(file.path, [str(item) for item in detail["loc"]], detail["type"], detail["msg"], lines)
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise RuleSetError(problems) from error


def _problem(path: Path, where: list[str], kind: str, message: str, lines: Mapping[str, int]) -> RuleFileError:
    field = ".".join(where)
    line = next((lines[key] for size in range(len(where), 0, -1) if (key := ".".join(where[:size])) in lines), 0)
    if kind == "missing":
        message = "is missing"
    elif kind == "extra_forbidden":
        from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

        known = set(Rule.model_fields) - {"id"} if len(where) == 1 else {"match", "no_match", "field", "text"}
        close = get_close_matches(where[-1], sorted(known), n=1)
        message = "is not known" + (f"; did you mean {close[0]}?" if close else "")
    return RuleFileError(path, line, field, message[:1].lower() + message[1:])


def _assemble(files: Sequence[_File], read: Sequence[_Read]) -> RuleContent:
    rules: dict[str, Rule] = {}
    sources: dict[str, RuleSource] = {}
    for file, item in zip(files, read, strict=True):
        earlier = sources.get(file.rule)
        rules[file.rule] = item.rule
        sources[file.rule] = RuleSource(
            rule=file.rule,
            path=str(file.path),
            origin=file.origin,
            replaces=earlier.path if earlier else None,
            lines=item.lines,
        )
    return sorted_content(rules.values(), sources.values())
