"""What every page has: a template, a step name, errors and a notice, all plain values.

A view builds one of these frozen values and hands it to ``web.render.Renderer.page``; a template
sees nothing else. Codes (errors, notices, factors, scopes) become sentences in ``web.page_words``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Role = Literal["admin", "employee"]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page. ``errors`` maps a field's name to an error code; the key ``""`` is the whole form.

    ``step`` is ``main[data-step]`` and the hidden ``step`` field of the forms of the login.
    ``notice`` is the code of a quiet success line. ``error_values`` fill the gaps of an error's
    sentence (``{"minutes": 15}``).
    """

    template: ClassVar[str]
    step: ClassVar[str] = ""
    status: ClassVar[int] = 200
    languages: ClassVar[bool] = True
    """Whether the page offers the language switch (``?lang=de``): only where a GET shows it."""

    errors: Mapping[str, str] = field(default_factory=dict)
    error_values: Mapping[str, int | str] = field(default_factory=dict)
    notice: str = ""


@dataclass(frozen=True, kw_only=True)
class Brand:
    """The company whose colour the page wears. ``accent`` is ``#rrggbb``, None for ours; ``logo``
    is an address of ours, None without one.
    """

    name: str = ""
    accent: str | None = None
    logo: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entering:
    """What the person is about to enter: the client, and the company once it is known."""

    client_name: str
    tenant_name: str = ""
    logo_uri: str = ""
    client_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """ "2 of 3" in a login that has further steps ahead."""

    position: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Me:
    """Who is signed in, for the head of our own pages."""

    name: str
    email: str
    is_admin: bool = False
    is_operator: bool = False


@dataclass(frozen=True, kw_only=True)
class TenantChoice:
    """A company to choose. ``url`` is used by the console's switcher only."""

    customer_number: str
    name: str
    role: Role = "employee"
    url: str = ""
