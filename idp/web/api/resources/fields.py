"""Kinds of fields that several resources have, and the paging they share."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from idp.tenants.directory import TenantFacts
from idp.web.api.problems import Problem, field_problem

Wire = msgspec.Struct
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"

Email = Annotated[
    str,
    Meta(min_length=3, max_length=320, description="An e-mail address.", examples=["a@b.example"]),
]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_CONTROL)]
CompanyName = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]
CustomerNumber = Annotated[str, Meta(pattern=r"^[0-9]{9}$", examples=["012345678"])]
Key = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9._-]+$")]
Keys = Annotated[list[Key], Meta(max_length=200)]
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
Locale = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Reason = Annotated[
    str, Meta(max_length=200, pattern=NO_CONTROL, description="Why, for the change log.")
]
Said = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")]
"""What somebody else reads: an approval's note, a refusal's reason."""
Search = Annotated[str, Meta(max_length=100, description="Words that must be in it.")]
After = Annotated[
    str, Meta(min_length=1, max_length=2000, description="What `next` of the page before says.")
]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many at most.")]
Role = Literal["admin", "employee"]
Moment = datetime

STRICT: dict[str, Any] = {"forbid_unknown_fields": True, "kw_only": True}
"""How everything is declared that is read."""


class Why(Wire, **STRICT):
    """A reason, which may be left out."""

    reason: Reason = ""


def check_booked(company: TenantFacts, products: list[str] | None) -> list[str] | None:
    """The same products, or a problem with those that the company has not booked."""
    if beyond := sorted(set(products or ()) - company.products):
        raise field_problem("products", f"Not booked: {', '.join(beyond)}.")
    return products


def is_changed(value: Any) -> bool:
    """Whether a member of a change was given at all."""
    return value is not msgspec.UNSET


def check_something(body: Wire) -> None:
    """A change that names nothing is a mistake of whoever sends it."""
    if not any(is_changed(getattr(body, name)) for name in body.__struct_fields__):
        raise Problem(422, "Name at least one member to change.")
