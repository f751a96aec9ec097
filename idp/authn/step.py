"""What a login transaction can come to next: one value per page, plus the end.

Made by ``authn.steps.decide``; ``name`` is the page's ``main[data-step]`` and what its form posts
back as ``step``. Values that only exist while a page is shown (a key being set up, codes shown
once) are filled in by ``authn.service``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from idp.core.person import PersonMembership
from idp.core.vocabulary import Factor

DecidedBy = Literal["policy", "client", "self", "request"]
"""Who asks for a second factor: the company, the client's registration, the person, this request.
"""


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask for the e-mail address. ``other_account``: the request names somebody else than who
    came.
    """

    name: ClassVar[str] = "identify"
    email: str = ""
    other_account: bool = False


@dataclass(frozen=True, slots=True)
class Password:
    """Ask for the password; the same page for known and unknown addresses."""

    name: ClassVar[str] = "password"
    email: str = ""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Ask for one of ``options``; ``selected`` is the one shown.

    ``remember_days`` > 0: the device may be remembered for so long.
    """

    name: ClassVar[str] = "second-factor"
    options: tuple[Factor, ...]
    reason: DecidedBy
    tenant_name: str | None = None
    remember_days: int = 0
    selected: Factor = Factor.TOTP


@dataclass(frozen=True, slots=True)
class Enroll:
    """Forced enrolment of one of ``factors``; ``secret`` (base32 in fours) and ``uri`` to show."""

    name: ClassVar[str] = "enroll"
    factors: tuple[Factor, ...]
    reason: DecidedBy
    tenant_name: str | None = None
    since: datetime | None = None
    deadline: datetime | None = None
    may_postpone: bool = False
    secret: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Show the codes made at enrolment, until the person says they are kept."""

    name: ClassVar[str] = "recovery-codes"
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChooseTenant:
    """Ask which company. One option only means that a company was expected and is not theirs."""

    name: ClassVar[str] = "tenant"
    options: tuple[PersonMembership, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """All that an invited person has to prove is proven: accept the invitation, then go on.

    Never shown: ``authn.service`` carries it out.
    """

    name: ClassVar[str] = "join"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The company's admin has not activated this person yet."""

    name: ClassVar[str] = "waiting"
    tenant_name: str


@dataclass(frozen=True, slots=True)
class Locked:
    """The account (``tenant_name`` None) or the membership is locked."""

    name: ClassVar[str] = "locked"
    tenant_name: str | None = None


@dataclass(frozen=True, slots=True)
class NotBooked:
    """The company has not booked the product, or the person was not given it."""

    name: ClassVar[str] = "not-booked"
    product: str
    tenant_name: str
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class NoCompany:
    """The person belongs to no company through which the client can be entered."""

    name: ClassVar[str] = "join-company"
    product: str | None = None


@dataclass(frozen=True, slots=True)
class NoAllowedFactor:
    """A second factor is demanded, and none that would count can be asked for or set up here."""

    name: ClassVar[str] = "no-allowed-factor"
    reason: DecidedBy
    tenant_name: str | None = None
    since: datetime | None = None
    deadline: datetime | None = None
    may_postpone: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """An invited person without an account gives their name and a password."""

    name: ClassVar[str] = "register"
    email: str
    given_name: str
    family_name: str
    tenant_name: str


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """A code was mailed to the invited address."""

    name: ClassVar[str] = "verify-email"
    email: str


@dataclass(frozen=True, slots=True)
class InvitationGone:
    """The invitation was used, revoked or expired while the person was signing in."""

    name: ClassVar[str] = "invitation-invalid"
    tenant_name: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything asked for is proven."""

    name: ClassVar[str] = "finished"
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    tenant_id: str | None


Step = (
    Identify
    | Password
    | SecondFactor
    | Enroll
    | RecoveryCodes
    | ChooseTenant
    | Join
    | Waiting
    | Locked
    | NotBooked
    | NoCompany
    | NoAllowedFactor
    | Register
    | VerifyEmail
    | InvitationGone
    | Finished
)
