"""Activation in the console: what it would do, how far it has come, and the policy before it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from idp.people.activation.moving import Moving
from idp.web.contexts.admin import AdminPage
from idp.web.contexts.policy import Bar


@dataclass(frozen=True, kw_only=True)
class MailPreview:
    """A mail as people get it, in one language."""

    lang: str
    language: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CutoverForm:
    """When the products' own logins end: ISO dates, ``earliest`` and ``latest`` that can be chosen;
    ``when`` is ``date`` or ``now``.
    """

    when: Literal["date", "now"] = "date"
    date: str = ""
    earliest: str = ""
    latest: str = ""


@dataclass(frozen=True, kw_only=True)
class PolicyLocal(AdminPage):
    """The policy's place while the company is local: it comes with central accounts."""

    template: ClassVar[str] = "admin/policy_local.html"
    section: ClassVar[str] = "policy"
    step: ClassVar[str] = "policy-local"


@dataclass(frozen=True, kw_only=True)
class Activation(AdminPage):
    """Fields ``when`` (``date|now``), ``cutover_date`` and ``confirm_name`` (the company's); hidden
    ``action=activate``. ``kept``, ``existing``, ``new`` and ``members`` count the prepared people
    by what activating does to them.
    """

    template: ClassVar[str] = "admin/activation.html"
    section: ClassVar[str] = "policy"
    step: ClassVar[str] = "activation"

    cutover: CutoverForm
    kept: int = 0
    existing: int = 0
    new: int = 0
    members: int = 0
    confirm_name: str = ""
    mails: tuple[MailPreview, ...] = ()

    @property
    def prepared(self) -> int:
        """Everybody who is to move."""
        return self.kept + self.existing + self.new + self.members


@dataclass(frozen=True, kw_only=True)
class MovingRow:
    """A person of the roll-out. ``where``: ``unsent|told|kept|moved|gone``; ``way``:
    ``registered|linked|kept`` for who has arrived; ``url`` of their page, if they have one.
    """

    id: str
    name: str
    email: str
    where: str
    way: str = ""
    moved_at: datetime | None = None
    sent_at: datetime | None = None
    reminded_at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class MovingPage(AdminPage):
    """How far it has come. Search by GET ``q`` and ``show`` (``missing|moved|gone``). Forms post
    hidden ``action=postpone`` with ``cutover_date``, and to ``{base}/activation/reminders``
    (``person``: only that one). The file of those missing is at ``{base}/activation/missing.csv``.
    """

    template: ClassVar[str] = "admin/activation_progress.html"
    section: ClassVar[str] = "policy"
    step: ClassVar[str] = "activation-progress"

    state: Literal["moving", "central"]
    activated_at: datetime | None = None
    cutover_at: datetime | None = None
    cutover: CutoverForm | None = None
    counts: Moving = field(default_factory=Moving)
    weeks: tuple[Bar, ...] = ()
    show: Literal["missing", "moved", "gone"] = "missing"
    query: str = ""
    people: tuple[MovingRow, ...] = ()
    next_url: str = ""
    first_url: str = ""
    reminded: int = 0
    mails: tuple[MailPreview, ...] = ()
