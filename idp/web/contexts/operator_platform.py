"""The operators' console: what is wrong, deliveries, keys, health."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from idp.people.operators.watch import Figures
from idp.settings import SettingRow
from idp.web.contexts.imports import HookRow
from idp.web.contexts.operator import OperatorPage


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """Something to look at; ``trouble`` is a key of ``people.operators.watch.Trouble``."""

    trouble: str
    url: str
    count: int = 0
    since: datetime | None = None
    serious: bool = False


@dataclass(frozen=True, kw_only=True)
class OperatorOverview(OperatorPage):
    """Whether anything is wrong; ``figures`` None where they cannot be had."""

    template: ClassVar[str] = "operator/overview.html"
    section: ClassVar[str] = "home"
    step: ClassVar[str] = "operator"

    findings: tuple[FindingRow, ...] = ()
    figures: Figures | None = None


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """Something to be sent. ``kind``: ``mail|sms|voice|backchannel_logout``; ``problem``: key of
    the plain words, ``error`` the sender's own.
    """

    id: str
    kind: str
    name: str = ""
    to: str = ""
    created_at: datetime
    next_attempt_at: datetime
    dead_at: datetime | None = None
    attempts: int = 0
    problem: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class DeadKind:
    """Dead letters of one kind."""

    kind: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Deliveries(OperatorPage):
    """Chosen by GET ``state``. Forms: ``action=retry|drop`` with ``delivery`` or, for all of a
    kind, with ``kind``.
    """

    template: ClassVar[str] = "operator/deliveries.html"
    section: ClassVar[str] = "deliveries"
    step: ClassVar[str] = "deliveries"

    state: Literal["waiting", "trying", "dead"]
    rows: tuple[DeliveryRow, ...] = ()
    waiting: int = 0
    trying: int = 0
    dead: tuple[DeadKind, ...] = ()
    late_since: datetime | None = None
    next_url: str = ""
    first_url: str = ""


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """A signing key; ``state``: ``next|signing|retired|removed``."""

    kid: str
    alg: str
    state: str
    created_at: datetime
    active_from: datetime
    retired_at: datetime | None = None
    remove_after: datetime | None = None
    due: bool = False


@dataclass(frozen=True, kw_only=True)
class Keys(OperatorPage):
    """Form ``action=rotate`` (``alg``, ``immediately``)."""

    template: ClassVar[str] = "operator/keys.html"
    section: ClassVar[str] = "keys"
    step: ClassVar[str] = "keys"

    keys: tuple[KeyRow, ...] = ()
    algorithms: tuple[str, ...] = ()
    signs_from: datetime
    alg: str = ""
    immediately: bool = False
    master_origin: str = ""
    master_keys: int = 1


@dataclass(frozen=True, kw_only=True)
class RetireKey(OperatorPage):
    """What retiring a key means; field ``confirm_name`` takes its ``kid``."""

    template: ClassVar[str] = "operator/key_retire.html"
    section: ClassVar[str] = "keys"
    step: ClassVar[str] = "key-retire"

    key: KeyRow
    confirm_name: str = ""


@dataclass(frozen=True, kw_only=True)
class HealthPart:
    """``name``: ``database|redis|keys|worker``."""

    name: str
    ok: bool
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class VerifiedRow:
    """A change log that was checked; ``company`` empty: the platform's own."""

    company: str
    at: datetime
    problems: int = 0
    first: str = ""


@dataclass(frozen=True, kw_only=True)
class Health(OperatorPage):
    """Form ``action=verify`` (``customer_number``, empty for the platform's own log)."""

    template: ClassVar[str] = "operator/health.html"
    section: ClassVar[str] = "health"
    step: ClassVar[str] = "health"

    parts: tuple[HealthPart, ...] = ()
    silent: tuple[HookRow, ...] = ()
    """Old products that do not answer about passwords."""
    warnings: tuple[str, ...] = ()
    settings: tuple[SettingRow, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    verified: tuple[VerifiedRow, ...] = ()
    verifying: int = 0
    customer_number: str = ""
