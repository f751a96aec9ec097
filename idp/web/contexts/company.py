"""The company page of a company's console (T11)."""

from dataclasses import dataclass
from typing import ClassVar

from idp.web.contexts.admin import AdminPage


@dataclass(frozen=True, kw_only=True)
class Readable:
    """What becomes of a colour: the text on it, the colour of links in light and in dark, and how
    strongly they contrast (WCAG).
    """

    accent: str
    text: str
    contrast: str
    link_light: str


@dataclass(frozen=True, kw_only=True)
class CompanyPage(AdminPage):
    """A multipart form: ``accent`` (``#rrggbb`` or empty), file ``logo``, hidden ``draft`` (a logo
    that was uploaded for the preview); its nameless button saves, ``action=preview`` shows it,
    ``action=remove-logo`` removes it.

    ``logo``: the address of the one that is saved; ``shown_logo`` of the one in the preview.
    """

    template: ClassVar[str] = "admin/company.html"
    section: ClassVar[str] = "company"
    step: ClassVar[str] = "company"

    products: tuple[str, ...] = ()
    accent: str = ""
    logo: str = ""
    shown_logo: str = ""
    draft: str = ""
    previewing: bool = False
    readable: Readable | None = None
    most_kilobytes: int = 240
