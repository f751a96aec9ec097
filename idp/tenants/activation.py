"""Where a company stands between its products' own logins and central accounts (A1, A3). Pure.

``local``: the products keep their own logins. ``moving``: activated, and until the cut-off a
product may still let people in by itself. ``central``: the cut-off has passed, or there was never
anything to move. The one value here is what pages, products and the API are told.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

State = Literal["local", "moving", "central"]

USUAL_DAYS = 28
SHORTEST = timedelta(days=1)
LONGEST = timedelta(days=366)


class ActivationRefused(ValueError):
    """It cannot be done so; ``field`` and ``code`` say what to change."""

    def __init__(self, field: str, code: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.code = code


class _Company(Protocol):
    @property
    def accounts_mode(self) -> str: ...
    @property
    def activated_at(self) -> datetime | None: ...
    @property
    def cutover_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class AccountsState:
    """``cutover_at``: when the products' own logins end; None where they never began, or go on."""

    state: State
    activated_at: datetime | None = None
    cutover_at: datetime | None = None

    @property
    def is_local(self) -> bool:
        """Whether nothing has been activated."""
        return self.state == "local"


def accounts_of(company: _Company, now: datetime) -> AccountsState:
    """How the company stands at that moment."""
    if company.accounts_mode == "local":
        return AccountsState("local")
    cutover = company.cutover_at
    state: State = "moving" if cutover is not None and now < cutover else "central"
    return AccountsState(state, company.activated_at, cutover)


def check_cutover(wanted: datetime | None, now: datetime) -> datetime:
    """When the products' logins are to end; None: at once. Raises ``ActivationRefused``."""
    if wanted is None:
        return now
    if not now + SHORTEST <= wanted <= now + LONGEST:
        raise ActivationRefused(
            "cutover_date", "cutover-invalid", "the cut-off is a day away at least, a year at most"
        )
    return wanted


def check_postponed(current: AccountsState, wanted: datetime, now: datetime) -> datetime:
    """The later cut-off; raises ``ActivationRefused`` where it has passed, or is not later."""
    if current.is_local:
        raise ActivationRefused("", "not-activated", "central accounts have not been activated")
    if current.state != "moving" or current.cutover_at is None:
        raise ActivationRefused("", "cutover-passed", "the cut-off has passed")
    if wanted <= current.cutover_at:
        raise ActivationRefused(
            "cutover_date", "cutover-not-later", "the new cut-off has to be later than the old one"
        )
    return check_cutover(wanted, now)
