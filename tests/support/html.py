"""Just enough of a document tree to find what the contract promises on a page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)


class Node:
    """An element: its tag, attributes, children and text."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Node | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Node | str] = []

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def has(self, name: str) -> bool:
        return name in self.attributes

    def __iter__(self) -> Iterator[Node]:
        """This element's descendants in document order."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child

    @property
    def text(self) -> str:
        """The text below it, white space folded."""
        parts: list[str] = []

        def walk(node: Node) -> None:
            for child in node.children:
                if isinstance(child, str):
                    parts.append(child)
                elif child.tag not in ("script", "style", "template"):
                    walk(child)

        walk(self)
        return " ".join(" ".join(parts).split())

    def all(
        self, tag: str = "", *, words: dict[str, str] | None = None, **equal: str
    ) -> list[Node]:
        """Descendants by tag, attribute (``data_step``: ``data-step``) and a word in one."""
        found = []
        for node in self:
            if tag and node.tag != tag:
                continue
            if any(node.get(k.rstrip("_").replace("_", "-"), "\0") != v for k, v in equal.items()):
                continue
            if words and any(v not in node.get(k).split() for k, v in words.items()):
                continue
            found.append(node)
        return found

    def first(
        self, tag: str = "", *, words: dict[str, str] | None = None, **equal: str
    ) -> Node | None:
        found = self.all(tag, words=words, **equal)
        return found[0] if found else None


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("#document", {}, None)
        self._here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self._here)
        self._here.children.append(node)
        if tag not in _VOID:
            self._here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        node: Node | None = self._here
        while node is not None and node.tag != tag:
            node = node.parent
        if node is not None and node.parent is not None:
            self._here = node.parent

    def handle_data(self, data: str) -> None:
        self._here.children.append(data)


def parse(text: str) -> Node:
    """The tree of a page."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return builder.root
