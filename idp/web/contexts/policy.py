"""The company's MFA policy in the console: how far it has come, the form, and what it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from idp.web.contexts.admin import AdminPage
from idp.web.contexts.base import Role

MfaMode = Literal["admins", "selected", "everyone"]


@dataclass(frozen=True, kw_only=True)
class FactorChoice:
    """A factor the policy can allow; not ``available`` ones cannot be used on this installation."""

    key: str
    checked: bool = False
    available: bool = True


@dataclass(frozen=True, kw_only=True)
class ModeForecast:
    """Whom a mode binds now, and how many of those have nothing set up."""

    bound: int = 0
    without_factor: int = 0


@dataclass(frozen=True, kw_only=True)
class PersonChoice:
    """A person to pick for the ``selected`` mode."""

    id: str
    name: str
    email: str
    role: Role = "employee"
    checked: bool = False
    second_factor: bool = False


@dataclass(frozen=True, kw_only=True)
class ClientMinimum:
    """What the company demands of its people at one client: acr level 1 (nothing), 2 or 3.

    ``registered`` is the level the client itself demands; only more than that can be chosen.
    """

    client_id: str
    name: str
    level: int = 1
    registered: int = 1


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One week of the chart, in units of its drawing: three parts on top of each other."""

    at: datetime
    x: int
    set_up: int
    in_time: int
    overdue: int
    set_up_height: int = 0
    in_time_height: int = 0
    overdue_height: int = 0


@dataclass(frozen=True, kw_only=True)
class MissingRow:
    """Somebody who is bound and has nothing that counts."""

    id: str
    name: str
    email: str
    deadline: datetime | None = None
    overdue: bool = False
    last_sign_in: datetime | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RollOutView:
    """How far the policy has come; ``missing`` are the most urgent, ``missing_count`` all."""

    set_up: int = 0
    in_time: int = 0
    overdue: int = 0
    weeks: tuple[Bar, ...] = ()
    missing: tuple[MissingRow, ...] = ()
    missing_count: int = 0

    @property
    def bound(self) -> int:
        """Everybody whom the policy binds."""
        return self.set_up + self.in_time + self.overdue


@dataclass(frozen=True, kw_only=True)
class PolicyPage(AdminPage):
    """Fields ``mfa``, ``factors`` (many), ``phishing_resistant_only`` (``1``), ``grace_days``,
    ``stage_size`` and ``stage_days`` (empty: all at once), ``remember_days``, ``selected`` (many
    membership ids), ``minimum-<client id>`` (``1|2|3``). The main button asks for the preview
    (hidden ``action=preview``); ``action=find`` looks for people by ``find``. The reminder form
    posts to ``{base}/policy/reminders``. ``activated_at``: since when there are central accounts;
    ``cutover_at``: until when the products' own sign-in works beside them."""

    template: ClassVar[str] = "admin/policy.html"
    section: ClassVar[str] = "policy"
    step: ClassVar[str] = "policy"

    mfa: MfaMode
    factors: tuple[FactorChoice, ...]
    phishing_resistant_only: bool = False
    passkeys_available: bool = True
    grace_days: int | str = 0
    remember_days: int | str = 0
    stage_size: int | str = ""
    stage_days: int | str = ""
    clients: tuple[ClientMinimum, ...] = ()
    changed_at: datetime | None = None
    activated_at: datetime | None = None
    cutover_at: datetime | None = None
    forecasts: Mapping[str, ModeForecast] = field(default_factory=dict)
    people: tuple[PersonChoice, ...] = ()
    hidden_people: int = 0
    """How many more people there are than are listed: a search finds them."""
    find: str = ""
    rollout: RollOutView = field(default_factory=RollOutView)
    reminded: int = 0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A group of a staged roll-out, by number from 1; ``first`` and ``last`` are names."""

    number: int
    first: str
    last: str
    count: int
    deadline: datetime


@dataclass(frozen=True, kw_only=True)
class EffectGroup:
    """People who meet the same at their next sign-in (see ``people.rollout.forecast.Effect``).

    ``deadline`` until when they may put it off; ``names`` are the first of ``count``; ``you``: the
    admin is one of them. The effect ``in-groups`` has ``stages`` instead of names.
    """

    effect: str
    count: int
    names: tuple[str, ...] = ()
    deadline: datetime | None = None
    stages: tuple[Stage, ...] = ()
    you: bool = False


@dataclass(frozen=True, kw_only=True)
class ClientEffect:
    """What a client's own minimum does: who must set something up there, and who cannot."""

    name: str
    level: int
    enroll: int = 0
    stuck: int = 0


@dataclass(frozen=True, kw_only=True)
class PolicyPreview(AdminPage):
    """What saving would do; hidden fields repeat the form, hidden ``action=save``, main button
    saves, ``action=edit`` returns to the form with the values kept.

    ``newly_bound``: not bound today; ``released``: bound today, no longer bound then;
    ``with_factor``: of those bound then, how many have a factor that counts. ``warnings`` are
    codes of ``_macros/policy.html``.
    """

    template: ClassVar[str] = "admin/policy_preview.html"
    section: ClassVar[str] = "policy"
    step: ClassVar[str] = "policy-preview"
    languages: ClassVar[bool] = False

    mfa: MfaMode
    factors: tuple[str, ...]
    phishing_resistant_only: bool = False
    grace_days: int
    remember_days: int
    stage_size: int | None = None
    stage_days: int | None = None
    minimums: tuple[ClientMinimum, ...] = ()
    selected: tuple[str, ...] = ()
    members: int = 0
    bound: int = 0
    with_factor: int = 0
    newly_bound: int = 0
    released: int = 0
    warnings: tuple[str, ...] = ()
    groups: tuple[EffectGroup, ...] = ()
    clients: tuple[ClientEffect, ...] = ()
