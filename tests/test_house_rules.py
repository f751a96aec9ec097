"""Rules of the house that no linter knows: one clock, one randomness, small files, a tidy root."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 350
SOURCES = sorted(
    path
    for folder in ("idp", "clients")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
PACKAGE = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "idp"]

CLOCK = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}
RANDOM = {"os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "uuid4"}
RANDOM_MODULES = {"random", "secrets"}
HOMES = {"idp/core/clock.py", "idp/core/randomness.py"}

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".github",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "bench",
    "clients",
    "constraints.txt",
    "docs",
    "idp",
    "keys",
    "pyproject.toml",
    "setup.cfg",
    "templates",
    "tests",
    "wsgi.py",
}
REGISTRIES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "registry.yarnpkg" + ".com",
    "npmmirror" + ".com",
    "--index" + "-url",
    "--extra-index" + "-url",
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Dotted names of two parts at most, and modules imported, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield node.lineno, f"{node.value.attr}.{node.attr}"  # datetime.datetime.now
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, f"import {name.name}") for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, f"import {node.module}"
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("path", PACKAGE, ids=relative)
def test_one_clock_and_one_source_of_randomness(path: Path) -> None:
    if relative(path) in HOMES:
        return
    forbidden = CLOCK | RANDOM | {f"import {module}" for module in RANDOM_MODULES}
    found = [
        f"{relative(path)}:{line}: {name}"
        for line, name in names_used(ast.parse(path.read_text()))
        if name in forbidden or (name.split(".")[0] in RANDOM_MODULES and "." in name)
    ]
    assert not found, "time comes from core.clock, random values from core.randomness"


def test_no_file_is_too_long() -> None:
    long = {
        relative(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 350
    }
    assert not long, f"split by capability what has more than {LONGEST} lines"


def test_no_module_for_leftovers() -> None:
    leftovers = {"utils", "util", "helpers", "helper", "misc", "common"}
    found = [relative(p) for p in SOURCES if leftovers & {p.stem, *p.relative_to(ROOT).parts}]
    assert not found, "a module is named for what it does"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        relative(path)
        for path in SOURCES
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_the_root_holds_only_what_was_agreed() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP_LEVEL


def test_no_registry_is_named() -> None:
    named = []
    for name in tracked():
        path = ROOT / name
        if not path.is_file() or path.suffix in (".png", ".woff2", ".ico", ".mo"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        named += [f"{name}: {host}" for host in REGISTRIES if host in text]
    assert not named, "where packages come from is the machine's own business"


def test_the_pins_cover_what_the_package_needs() -> None:
    from configparser import ConfigParser

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].splitlines()
    for extra in ("test", "dev"):
        lines += config["options.extras_require"][extra].splitlines()
    needed = [Requirement(line) for line in lines if line.strip() and line[0] not in "#%"]
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pinned[canonicalize_name(name)] = version
    missing = [
        str(requirement)
        for requirement in needed
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    ]
    assert not missing
