"""A page as its elements, for assertions."""

from html.parser import HTMLParser

VOID = {
    "area",
    "base",
    "br",
    "col",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "path",
    "circle",
}


class Element:
    def __init__(self, tag: str, attributes: dict[str, str | None], inside: tuple["Element", ...]):
        self.tag, self.attributes, self.inside, self.text = tag, attributes, inside, ""

    def get(self, name: str) -> str:
        return self.attributes.get(name) or ""


class Document(HTMLParser):
    """The elements of a page with their ancestors and text; complains about unbalanced markup."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), tuple(self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append(Element(tag, dict(attributes), tuple(self._open)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> too many"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if tag in ("", element.tag)
            and all(element.get(name.replace("_", "-")) == value for name, value in wanted.items())
        ]

    def fields(self, token: str) -> list[Element]:
        """Inputs a person can fill in, by a token of ``autocomplete``."""
        return [
            element
            for element in self.all("input")
            if token in element.get("autocomplete").split() and "hidden" not in element.attributes
        ]
