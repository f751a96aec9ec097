"""What the people list shows, as its address says it: search, filters, order, size, place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from idp.people.members.listing import BY_NAME, EVERYBODY, SORTS, Cursor, Order, PeopleFilter, Sort
from idp.web.admin.cursor import decode_cursor, encode_cursor

SIZES = (25, 50, 100, 200)
LONGEST = 100
_KNOWN = {
    "status": ("active", "locked", "waiting"),
    "role": ("admin", "employee", "helper"),
    "factor": ("has", "missing", "none"),
}


@dataclass(frozen=True, slots=True)
class PeopleView:
    """One view of the list. What an address says that is not understood is left out of it."""

    chosen: PeopleFilter = EVERYBODY
    order: Order = BY_NAME
    size: int = 50
    after: Cursor | None = None

    @classmethod
    def of(cls, args: Mapping[str, str]) -> "PeopleView":
        """Out of an address."""
        named = args.get("sort", "")
        by = named.removeprefix("-")
        order = Order(by, named.startswith("-")) if by in SORTS else BY_NAME
        size = args.get("size", "")
        found = {key: args.get(key, "") for key in _KNOWN}
        known: Any = {key: value for key, value in found.items() if value in _KNOWN[key]}
        search = args.get("q", "")[:LONGEST].replace("\x00", "").strip()
        after = decode_cursor(args.get("after"))
        return cls(
            chosen=PeopleFilter(search=search, **known),
            order=order,
            size=int(size) if size in map(str, SIZES) else 50,
            after=after if after is not None and order.takes(after) else None,
        )

    @classmethod
    def of_query(cls, query: str) -> "PeopleView":
        """Out of an address's query that a form has kept."""
        try:
            return cls.of(dict(parse_qsl(query[:4000], max_num_fields=20)))
        except ValueError:
            return cls()

    @property
    def is_filtered(self) -> bool:
        """Whether not everybody is shown."""
        return self.chosen != EVERYBODY

    @property
    def sort(self) -> str:
        """As the address says it."""
        return f"-{self.order.by}" if self.order.descending else self.order.by

    def query(self, **further: str) -> str:
        """The address's query, the same for the same view; what is usual is left out."""
        chosen = self.chosen
        said = {"q": chosen.search, "status": chosen.status, "role": chosen.role}
        said |= {"factor": chosen.factor}
        said["sort"] = "" if self.sort == "name" else self.sort
        said["size"] = "" if self.size == 50 else str(self.size)
        said["after"] = encode_cursor(self.after) if self.after else ""
        return urlencode({key: value for key, value in (said | further).items() if value})

    def url(self, base: str, **further: str) -> str:
        """The address of this view."""
        query = self.query(**further)
        return f"{base}/people?{query}" if query else f"{base}/people"

    def first(self) -> "PeopleView":
        """From its beginning."""
        return replace(self, after=None)

    def beyond(self, cursor: Cursor) -> "PeopleView":
        """Its page that follows."""
        return replace(self, after=cursor)

    def sorted_by(self, by: Sort) -> "PeopleView":
        """By a column: once more turns it round; who signed in last comes first at first."""
        if self.order.by == by:
            turned = Order(by, not self.order.descending)
        else:
            turned = Order(by, by == "last-sign-in")
        return replace(self, order=turned, after=None)
