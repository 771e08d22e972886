"""Rule files to a rule set.

A rule is one YAML file; its path below its folder, without the suffix, is its id, and the first folder its
language. All errors of all files are found before anything is refused. Reading YAML is slow, so what was read
is kept in the user's cache directory under the digest of the files' contents.

Beside the rules for health there are optional packs for other special categories. They are never part of
`load_rules`: `load_packs` makes a set of its own of those that somebody names.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from rules.errors import RuleFileError, RuleSetError, UnknownPackError
from rules.model import Frozen, Rule, RuleKind
from rules.ruleset import Origin, RuleSet, RuleSource, make_ruleset

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

MAX_CACHED = 8
"""How many sets of rules stay in the cache."""

CACHE_FORMAT = "1"
"""Changes whenever rules or their lines are stored differently."""


class _File(NamedTuple):
    """A rule file before it is read."""

    path: Path
    rule: str
    origin: Origin


class _Read(Frozen):
    """A rule and the lines of its attributes: what the cache holds."""

    rule: Rule
    lines: Mapping[str, int]


_READ_ALL = TypeAdapter(tuple[_Read, ...])


def load_rules(paths: Sequence[Path] = (), *, built_in: bool = True) -> RuleSet:
    """Load the built-in rules and those of the user's folders and files.

    Of two rules with the same id the one loaded later counts: built-in rules first, then `paths` in their
    order; its source says what it replaces. Raises RuleSetError with every error of every file.
    """
    errors: list[RuleFileError] = []
    groups: list[tuple[Path, Origin]] = [(PACKS, "built-in")] if built_in else []
    groups.extend((path, "user") for path in paths)
    listed = [file for root, origin in groups for file in _files(root, origin, errors)]
    return _load(listed, errors)


def _load(listed: Iterable[_File], errors: list[RuleFileError]) -> RuleSet:
    """Load these files, from the cache where they were read before. Raises RuleSetError."""
    files: list[_File] = []
    contents: list[bytes] = []
    for file in listed:
        try:
            contents.append(_content(file.path))
            files.append(file)
        except RuleFileError as error:
            errors.append(error)
    key = _cache_key(files, contents)
    read = None if errors else _from_cache(key, [file.rule for file in files])
    if read is None:
        read = _read_all(files, contents, errors)
        if errors:
            raise RuleSetError(sorted(errors, key=lambda error: (str(error.path), error.line)))
        _to_cache(key, read)
    return _assemble(files, read)


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
    listed = [
        file._replace(rule=_id_in_pack(file.rule, name))
        for name in optional_packs()
        for file in _files(OPTIONAL / name, "built-in", errors)
    ]
    optional = _load(listed, errors)
    built_in = load_rules()
    kept = {rule.id: rule for rule in optional.rules if _pack_of(rule.id) in chosen}
    kept |= {
        rule.id: rule
        for rule in built_in.rules
        if rule.kind is RuleKind.SUPPRESSOR and rule.id not in HEALTH_SUPPRESSORS
    }
    sources = (source for source in (*optional.sources, *built_in.sources) if source.rule in kept)
    return make_ruleset(kept.values(), sources)


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
    ids: dict[str, Path] = {}
    for folder, folders, names in os.walk(root, onerror=lambda error: errors.append(_unreadable(root, error))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix not in SUFFIXES or name.startswith("."):
                continue
            if len(found) == MAX_FILES:
                errors.append(RuleFileError(root, 0, "", f"more than {MAX_FILES} rule files"))
                return []
            rule = path.relative_to(root).with_suffix("").as_posix()
            if rule in ids:
                errors.append(RuleFileError(path, 0, "", f"has the same id as {ids[rule]}"))
            ids[rule] = path
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


def _read_all(files: Sequence[_File], contents: Sequence[bytes], errors: list[RuleFileError]) -> tuple[_Read, ...]:
    from rules.yamlfile import read_yaml  # noqa: PLC0415 - the YAML parser is only loaded when it is needed

    read: list[_Read] = []
    for file, content in zip(files, contents, strict=True):
        try:
            value, lines = read_yaml(file.path, content)
            read.append(_Read(rule=_rule(file, value, lines), lines=lines))
        except RuleSetError as error:
            errors.extend(error.errors)
        except RuleFileError as error:
            errors.append(error)
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
        known = set(Rule.model_fields) - {"id"} if len(where) == 1 else {"match", "no_match", "field", "text"}
        close = get_close_matches(where[-1], sorted(known), n=1)
        message = "is not known" + (f"; did you mean {close[0]}?" if close else "")
    return RuleFileError(path, line, field, message[:1].lower() + message[1:])


def _assemble(files: Sequence[_File], read: Sequence[_Read]) -> RuleSet:
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
    return make_ruleset(rules.values(), sources.values())


def _cache_key(files: Sequence[_File], contents: Sequence[bytes]) -> str:
    schema = json.dumps(Rule.model_json_schema(), sort_keys=True).encode()
    digest = hashlib.sha256(CACHE_FORMAT.encode() + hashlib.sha256(schema).digest())
    for file, content in zip(files, contents, strict=True):
        digest.update(hashlib.sha256(file.rule.encode("utf-8", "surrogateescape")).digest())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _cache_file(key: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return folder / "pixelwitness" / f"rules-{key}.json"


def _from_cache(key: str, rules: Sequence[str]) -> tuple[_Read, ...] | None:
    """Return what was read of these rules before; None if that is not known or damaged."""
    try:
        read = _READ_ALL.validate_json(_cache_file(key).read_bytes())
    except (OSError, RuntimeError, ValueError):
        return None
    return read if [item.rule.id for item in read] == list(rules) else None


def _to_cache(key: str, read: Sequence[_Read]) -> None:
    """Keep what was read; where nothing can be written the next start is slower, no more."""
    try:
        target = _cache_file(key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".rules-")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_READ_ALL.dump_json(tuple(read)))
            Path(name).replace(target)
            _prune(target.parent)
        except OSError:
            Path(name).unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return


def _prune(folder: Path) -> None:
    """Delete all but the latest sets: every edit of a rule makes a new one."""
    kept = sorted(folder.glob("rules-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[MAX_CACHED:]:
        path.unlink(missing_ok=True)
