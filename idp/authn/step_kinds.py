"""What a login transaction can come to next: one value per page, plus the end.

Made by ``authn.steps.decide``; ``name`` is the page's ``main[data-step]`` and what its form posts
back as ``step``. Values that only exist while a page is shown (a key being set up, codes shown
once) are filled in by ``authn.service``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from idp.core.person import PersonMembership
from idp.core.vocabulary import SENT_FACTORS, Factor

DecidedBy = Literal["policy", "client", "self", "request"]
"""Who asks for a second factor: the company, the client's registration, the person, this request.
"""


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask for the e-mail address. ``other_account``: the request names somebody else than who
    came; ``registering``: it is to become an account. ``passkey``: options for
    ``navigator.credentials.get`` (conditional UI), None where passkeys cannot be used.
    """

    name: ClassVar[str] = "identify"
    email: str = ""
    other_account: bool = False
    registering: bool = False
    passkey: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Passkey:
    """Ask for a passkey that checks its holder itself; ``other-factor`` leads to the password.

    Shown once the address is known to have one. ``passkey``: options for
    ``navigator.credentials.get``.
    """

    name: ClassVar[str] = "passkey"
    email: str = ""
    may_use_password: bool = True
    passkey: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """Ask for the password; where accounts are hidden, the same page for every address.

    ``may_use_passkey``: ``other-factor`` leads (back) to the passkey.
    """

    name: ClassVar[str] = "password"
    email: str = ""
    may_use_passkey: bool = False


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Ask for one of ``options``; ``selected`` is the one shown.

    ``remember_days`` > 0: the device may be remembered for so long. ``listing``: show every other
    way, too. Filled in when shown: ``destinations`` (a factor and its address, masked),
    ``passkey`` (options for ``navigator.credentials.get`` while that is selected) and
    ``unsent`` (a code to translate: why no code could be sent, with ``retry_after`` in seconds).
    """

    name: ClassVar[str] = "second-factor"
    options: tuple[Factor, ...]
    reason: DecidedBy
    tenant_name: str | None = None
    remember_days: int = 0
    selected: Factor = Factor.TOTP
    listing: bool = False
    destinations: Mapping[Factor, str] = field(default_factory=dict)
    passkey: Mapping[str, Any] | None = None
    unsent: str = ""
    retry_after: int = 0

    @property
    def others(self) -> tuple[Factor, ...]:
        """The other ways, from the one shown on."""
        at = self.options.index(self.selected)
        return self.options[at + 1 :] + self.options[:at]

    @property
    def following(self) -> Factor | None:
        """Where "another way" leads: to one that costs no message, if there is one."""
        free = (factor for factor in self.others if factor not in SENT_FACTORS)
        return next(free, self.others[0] if self.others else None)


@dataclass(frozen=True, slots=True)
class Enroll:
    """Forced enrolment of one of ``factors``; ``selected`` is the one being set up.

    Filled in when shown: for TOTP ``secret`` (base32 in fours) and ``uri``; for SMS, voice and
    e-mail ``destination`` (masked) once a code is on its way there, else the number is asked for;
    ``passkey`` (options for ``navigator.credentials.create``) wherever a passkey would do, so that
    it can be offered beside whatever is selected. ``recovery``: recovery codes come with it.
    """

    name: ClassVar[str] = "enroll"
    factors: tuple[Factor, ...]
    reason: DecidedBy
    tenant_name: str | None = None
    since: datetime | None = None
    deadline: datetime | None = None
    may_postpone: bool = False
    selected: Factor = Factor.TOTP
    recovery: bool = True
    secret: str = ""
    uri: str = ""
    destination: str = ""
    passkey: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LostFactor:
    """The person can use none of their factors and asks for help, from the second-factor page.

    Filled in when shown: ``helper`` is who can (``admin``: the company's admins are written to;
    ``operator``: a sole admin's case is opened; ``nobody``: no company of theirs can);
    ``asked``: they have been told already.
    """

    name: ClassVar[str] = "lost-factor"
    tenant_name: str | None = None
    recovery_codes: bool = False
    helper: Literal["", "admin", "operator", "nobody"] = ""
    asked: bool = False


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
class Activate:
    """Companies that move to central accounts know this person: the account is to be linked.

    ``may_postpone``: until ``deadline`` the product still has a login of its own.
    """

    name: ClassVar[str] = "activate"
    tenant_ids: tuple[str, ...]
    tenant_names: tuple[str, ...]
    may_postpone: bool = False
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """The person keeps the product's own login for now, and no other company opens the door.

    Never shown: ``web.login`` sends the client an error.
    """

    name: ClassVar[str] = "postponed"


@dataclass(frozen=True, slots=True)
class StillLocal:
    """Who is about to register belongs to companies that still sign in at the product itself."""

    name: ClassVar[str] = "still-local"
    email: str
    tenant_names: tuple[str, ...]


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
    """The person belongs to no company through which the client can be entered: which is theirs?

    ``may_join``: a customer number is taken; not so where only one company's own client is asked
    for, or joining is not open. ``still_local``: companies that know the person, and still sign in
    at the product itself.
    """

    name: ClassVar[str] = "join-company"
    product: str | None = None
    may_join: bool = False
    still_local: tuple[str, ...] = ()


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
    """A person without an account gives their name and a password.

    ``tenant_name``: the company that has invited them, if one has.
    """

    name: ClassVar[str] = "register"
    email: str
    given_name: str = ""
    family_name: str = ""
    tenant_name: str = ""


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """A code was mailed to the address that is to become an account."""

    name: ClassVar[str] = "verify-email"
    email: str


@dataclass(frozen=True, slots=True)
class InvitationGone:
    """The invitation was used, revoked or expired while the person was signing in."""

    name: ClassVar[str] = "invitation-invalid"
    tenant_name: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything asked for is proven. ``bypassed``: but for the policy's factor of these
    memberships, whose one-time bypass has to be used up for it.
    """

    name: ClassVar[str] = "finished"
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    tenant_id: str | None
    bypassed: tuple[str, ...] = ()


Step = (
    Identify
    | Passkey
    | Password
    | SecondFactor
    | Enroll
    | LostFactor
    | RecoveryCodes
    | ChooseTenant
    | Join
    | Activate
    | Postponed
    | StillLocal
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
