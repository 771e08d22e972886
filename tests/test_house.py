"""The layout: rules <- addon <- cli, who may import mitmproxy, and that the wheel is whole."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "rules": {"rules"},
    "addon": {"rules", "addon"},
    "cli": {"rules", "addon", "cli", "captures"},
    "captures": {"captures"},
}
MITMPROXY_IMPORTERS = {
    "addon/live.py",
    "addon/flows.py",
    "addon/contentview.py",
    "addon/commands.py",
    "addon/triage.py",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def modules() -> list[Path]:
    return sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_layout(path):
    place = path.relative_to(ROOT)
    package = place.parts[0]
    tops = {name.partition(".")[0] for name in imported(path)}
    assert not (tops & set(ALLOWED)) - ALLOWED[package], f"{place} reaches into a package above it"
    if package != "captures" and str(place) not in MITMPROXY_IMPORTERS:
        assert "mitmproxy" not in tops, f"{place} must not import mitmproxy"


def test_names_say_what_a_module_is_for():
    assert not {path.stem for path in modules()} & FORBIDDEN_NAMES


def test_a_report_can_be_built_without_mitmproxy():
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'mitmproxy': raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import cli.main, cli.report, cli.reports, addon.replay, addon.har\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_every_dependency_is_explained():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n")
    start = lines.index("dependencies = [")
    block = lines[start + 1 : lines.index("]", start)]
    named = [line for line in block if line.strip().startswith('"')]
    for line in named:
        assert block[block.index(line) - 1].strip().startswith("#"), f"{line}: say why above it"


def test_constraints_pin_every_dependency_and_name_no_host():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in text.split("\n") if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    wanted = {re.split(r"[<>=!~ \[]", item)[0].lower() for item in named}
    assert wanted <= pinned


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_rules_captures_and_templates(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for part in (
        "rules/packs/en/",
        "captures/reconstruction/observer-2023.mitm",
        "captures/recordings/",
        "cli/reports/",
    ):
        assert any(name.startswith(part) for name in names), part
    for folder in ("packs", "optional"):
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / "rules" / folder).rglob("*.yaml")}
        assert sources
        assert sources <= names
    assert "addon/decoders/meta/parameters.toml" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_demo_runs_from_the_wheel_outside_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    where = subprocess.run(
        [sys.executable, "-c", "import cli; print(cli.__file__)"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert where.stdout.startswith(str(site))
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo"],
        cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.split()]
    assert len(written) == 2
    for path in written:
        assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
