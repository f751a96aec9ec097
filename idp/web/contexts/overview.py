"""The first page of a company's console: is anything wrong, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.people.log.change_log import LogRow
from idp.people.overview import Numbers
from idp.web.contexts.admin import AdminPage
from idp.web.contexts.policy import RollOutView


@dataclass(frozen=True, kw_only=True)
class ToDoRow:
    """Something that wants a decision: ``code`` (``_macros/overview.html`` has the words), how many
    of it, whom it is about, until when, and where it is done."""

    code: str
    count: int
    url: str
    name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AdminOverview(AdminPage):
    """``numbers``, ``rollout``, ``changes`` are left out where they do not concern a helper."""

    template: ClassVar[str] = "admin/overview.html"
    section: ClassVar[str] = "home"
    step: ClassVar[str] = "overview"

    todo: tuple[ToDoRow, ...] = ()
    numbers: Numbers | None = None
    rollout: RollOutView | None = None
    changes: tuple[LogRow, ...] = ()
    log_url: str = ""
