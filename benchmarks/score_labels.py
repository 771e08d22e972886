"""Compare what the rules say with a table of hand-made labels.

    python benchmarks/score_labels.py LABELS.csv [--errors] [--parts] [--ablate] [--rules PATH]...

The table has the columns url, title_or_button, label (health, sensitive_health or not_health), category and
reason. Rows with "borderline" in their reason are left out. Predicted as health: band medium or above; as
sensitive: that, and a special-risk topic. Intervals are the middle 95 % of 1,000 samples of hosts.

--parts adds the figures by band, by label category, and by what was read (address alone, text alone).
--ablate adds the figures without context rules, without suppressors, without exceptions, without the second
signal that ambiguous terms need: what each part of the policy is worth.
"""

import argparse
import csv
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rules.engine import Matcher
from rules.loader import load_rules
from rules.model import Assessment, Rule, RuleKind
from rules.ruleset import RuleSet, make_ruleset
from rules.table import score_row

SAMPLES = 1_000
MIN_ROWS = 10
HEALTH_BANDS = {"medium", "high", "critical"}


class Judged(NamedTuple):
    """A labelled row and what the rules say about it."""

    row: dict[str, str]
    host: str
    assessment: Assessment

    def is_right(self, kind: str) -> bool:
        return self.labelled(kind) == self.predicted(kind)

    def labelled(self, kind: str) -> bool:
        label = self.row["label"]
        return label == "sensitive_health" or (kind == "health" and label == "health")

    def predicted(self, kind: str) -> bool:
        found = self.assessment.band in HEALTH_BANDS
        return found and (kind == "health" or self.assessment.tier == "special_risk")


class Counts(NamedTuple):
    """True positives, false positives and false negatives."""

    hit: int
    false_alarm: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hit / (self.hit + self.false_alarm) if self.hit + self.false_alarm else float("nan")

    @property
    def recall(self) -> float:
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else float("nan")

    @property
    def f1(self) -> float:
        whole = 2 * self.hit + self.false_alarm + self.missed
        return 2 * self.hit / whole if whole else float("nan")


def count(judged: Iterable[Judged], kind: str) -> Counts:
    pairs = [(item.labelled(kind), item.predicted(kind)) for item in judged]
    return Counts(pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False)))


def interval(by_host: Sequence[Counts], measure: Callable[[Counts], float]) -> tuple[float, float]:
    """Return the bootstrap interval of a measure over hosts."""
    generator = random.Random(7)
    values = []
    for _ in range(SAMPLES):
        sample = generator.choices(by_host, k=len(by_host))
        values.append(measure(Counts(*(sum(column) for column in zip(*sample, strict=True)))))
    values = sorted(value for value in values if value == value)  # noqa: PLR0124 - not a number
    return values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]


def show(judged: Sequence[Judged], kind: str) -> None:
    by_host: dict[str, list[Judged]] = defaultdict(list)
    for item in judged:
        by_host[item.host].append(item)
    counts = count(judged, kind)
    per_host = [count(items, kind) for items in by_host.values()]
    print(f"\n{kind}: {counts.hit} found, {counts.false_alarm} false alarms, {counts.missed} missed")
    for name, measure in (
        ("precision", lambda value: value.precision),
        ("recall", lambda value: value.recall),
        ("F1", lambda value: value.f1),
    ):
        low, high = interval(per_host, measure)
        print(f"  {name:<9} {measure(counts):.3f}  ({low:.3f}-{high:.3f})")
    for host, items in sorted(by_host.items(), key=lambda pair: -len(pair[1])):
        if len(items) >= MIN_ROWS:
            one = count(items, kind)
            print(
                f"  {host:<36} {len(items):>4} rows"
                f"  {one.hit:>3} found {one.false_alarm:>3} false {one.missed:>3} missed"
                f"  precision {one.precision:.2f} recall {one.recall:.2f}"
            )


def line(name: str, judged: Sequence[Judged]) -> str:
    cells = []
    for kind in ("health", "sensitive"):
        counts = count(judged, kind)
        cells.append(f"{kind} precision {counts.precision:.3f} recall {counts.recall:.3f} F1 {counts.f1:.3f}")
    return f"  {name:<34} {len(judged):>4} rows  " + "  ".join(cells)


def show_parts(judged: Sequence[Judged], matcher: Matcher) -> None:
    print("\nby band: how many rows of each label")
    for band in ("critical", "high", "medium", "low", "none"):
        labels = Counter(item.row["label"] for item in judged if item.assessment.band == band)
        print(f"  {band:<10} " + "  ".join(f"{label} {labels[label]}" for label in sorted(labels)))
    print("\nby label category")
    by_category: dict[str, list[Judged]] = defaultdict(list)
    for item in judged:
        by_category[item.row.get("category", "")].append(item)
    for category, items in sorted(by_category.items(), key=lambda pair: -len(pair[1])):
        if len(items) >= MIN_ROWS:
            right = sum(item.is_right("health") for item in items)
            print(f"  {category:<34} {len(items):>4} rows  {right / len(items):.3f} right as health or not")
    print("\nby what was read")
    print(line("address and text", judged))
    print(line("address alone", judge([{**item.row, "title_or_button": ""} for item in judged], matcher)))
    print(line("text alone", judge([{**item.row, "url": ""} for item in judged], matcher)))


def show_ablations(judged: Sequence[Judged], ruleset: RuleSet) -> None:
    rows = [item.row for item in judged]
    kinds = {"context": RuleKind.CONTEXT, "suppressors": RuleKind.SUPPRESSOR, "actions": RuleKind.ACTION}
    variants: dict[str, list[Rule]] = {
        f"without {name}": [rule for rule in ruleset.rules if rule.kind is not kind] for name, kind in kinds.items()
    }
    variants["without exceptions (unless)"] = [rule.model_copy(update={"unless": ()}) for rule in ruleset.rules]
    variants["ambiguous terms count alone"] = [
        rule.model_copy(update={"terms": rule.terms + rule.ambiguous, "ambiguous": ()}) for rule in ruleset.rules
    ]
    variants["ambiguous terms never count"] = [rule.model_copy(update={"ambiguous": ()}) for rule in ruleset.rules]
    print("\nablations")
    print(line("all rules", judged))
    for name, rules in variants.items():
        print(line(name, judge(rows, Matcher(make_ruleset(rules)))))


def judge(rows: Iterable[dict[str, str]], matcher: Matcher) -> list[Judged]:
    return [
        Judged(row, urlsplit(row["url"]).hostname or "", score_row(row["url"], row["title_or_button"], matcher))
        for row in rows
    ]


def show_errors(judged: Sequence[Judged]) -> None:
    for item in judged:
        kinds = [kind for kind in ("health", "sensitive") if not item.is_right(kind)]
        if kinds:
            result = item.assessment
            what = "false alarm" if item.predicted(kinds[0]) else "missed"
            print(f"\n{what} ({', '.join(kinds)}): {item.row['url']}")
            print(f"  text {item.row['title_or_button']!r}, label {item.row['label']}: {item.row['reason']}")
            print(f"  score {result.score} {result.band} {result.tier}")
            for finding in result.findings:
                print(f"    {finding.rule} met {finding.evidence.text!r} in {finding.evidence.field.value}")
            for miss in result.near_misses:
                print(f"    not counted: {miss.rule} {miss.text!r} in {miss.field.value}: {miss.why}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the rules with hand-made labels.")
    parser.add_argument("labels", type=Path)
    parser.add_argument("--rules", type=Path, action="append", default=[])
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--ablate", action="store_true")
    options = parser.parse_args()
    matcher = Matcher(load_rules(options.rules))
    with options.labels.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "borderline" not in row["reason"]]
    judged = judge(rows, matcher)
    print(f"{len(judged)} clear rows, {len({item.host for item in judged})} hosts, {len(matcher.ruleset.rules)} rules")
    for kind in ("health", "sensitive"):
        show(judged, kind)
    if options.parts:
        show_parts(judged, matcher)
    if options.ablate:
        show_ablations(judged, matcher.ruleset)
    if options.errors:
        show_errors(judged)


if __name__ == "__main__":
    main()
