"""Checks the documents: links between files lead somewhere, and so do their headings.

``make docs`` prints what it looked at; with ``--quiet`` it speaks only when something is wrong.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(
    r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\""
)
FENCE = re.compile(r"```.*?```", re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors that headings of a document get."""
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.*)$", FENCE.sub("", path.read_text()), re.MULTILINE):
        plain = re.sub(r"[`*_]", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def problems(path: Path) -> list[str]:
    """Links of a document that lead nowhere."""
    found = []
    for match in LINK.finditer(FENCE.sub("", path.read_text())):
        target = next(group for group in match.groups() if group)
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        where = (path.parent / file).resolve() if file else path
        if not where.exists():
            found.append(f"{path.relative_to(ROOT)}: {target}: no such file")
        elif anchor and where.suffix == ".md" and anchor not in anchors(where):
            found.append(f"{path.relative_to(ROOT)}: {target}: no such heading")
    return found


def main() -> int:
    """Look at every document of the repository."""
    documents = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "clients").rglob("*.md"),
    ]
    wrong = [line for path in documents for line in problems(path)]
    for line in wrong:
        print(line)
    if "--quiet" not in sys.argv:
        print(f"{len(documents)} documents, {len(wrong)} broken links")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
