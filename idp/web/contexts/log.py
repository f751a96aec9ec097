"""The change log, of a company or of the platform. Filters are a GET form: ``q``, ``category``,
``outcome``, ``from``, ``to``; ``person`` stays as it is. Exports post the same to ``export_url``
with ``format`` ``csv`` or ``jsonl``."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.people.log.change_log import LogRow
from idp.web.contexts.admin import AdminPage
from idp.web.contexts.operator import OperatorPage


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """What was asked for, as it was typed."""

    q: str = ""
    category: str = ""
    event: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    person: str = ""
    person_name: str = ""

    @property
    def restricts(self) -> bool:
        """Whether anything was asked for."""
        return any(
            (self.q, self.category, self.event, self.outcome, self.since, self.until, self.person)
        )


@dataclass(frozen=True, kw_only=True)
class LogView:
    """Some records and how to find others. ``url``: the page itself without filters."""

    entries: tuple[LogRow, ...]
    query: LogQuery
    categories: tuple[str, ...]
    url: str
    export_url: str
    older_url: str = ""
    newest_url: str = ""
    people_url: str = ""
    """Where a person's page is found by the id of the membership; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class AdminLog(AdminPage):
    """A company's change log. ``days``: how long it is kept, None for ever."""

    template: ClassVar[str] = "admin/log.html"
    step: ClassVar[str] = "log"
    section: ClassVar[str] = "log"

    log: LogView
    days: int | None = None


@dataclass(frozen=True, kw_only=True)
class AdminLogRetention(AdminPage):
    """How long it is kept: ``days`` in a GET form first, then what would go and ``action=save``.

    ``choice``: a number of days, ``ever``, or empty before anything was chosen.
    """

    template: ClassVar[str] = "admin/log_retention.html"
    step: ClassVar[str] = "log-retention"
    section: ClassVar[str] = "log"

    days: int | None = None
    choice: str = ""
    choices: tuple[int, ...] = ()
    would_go: int = 0


@dataclass(frozen=True, kw_only=True)
class OperatorLog(OperatorPage):
    """A company's change log, or the platform's where ``tenant_name`` is empty."""

    template: ClassVar[str] = "operator/log.html"
    step: ClassVar[str] = "log"
    section: ClassVar[str] = "log"

    log: LogView
    tenant_name: str = ""
    customer_number: str = ""


@dataclass(frozen=True, kw_only=True)
class MembersAppPassword:
    """An application password of a member; ``product``: its name."""

    id: str
    membership_id: str
    name: str
    email: str
    product: str
    comment: str
    created_at: datetime
    last_used_at: datetime | None = None
    last_used_ip: str = ""


@dataclass(frozen=True, kw_only=True)
class AdminAppPasswords(AdminPage):
    """``action=save`` with ``allowed`` and ``days``; ``action=revoke`` with ``id``.

    ``days``: as typed, empty for no bound; ``count``: how many there are in all.
    """

    template: ClassVar[str] = "admin/app_passwords.html"
    step: ClassVar[str] = "app-passwords"
    section: ClassVar[str] = "policy"

    allowed: bool = True
    days: str = ""
    rows: tuple[MembersAppPassword, ...] = ()
    count: int = 0
    next_url: str = ""
    first_url: str = ""
