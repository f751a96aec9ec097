"""People's accounts, for operators."""

from idp.accounts.errors import UnknownAccount
from idp.accounts.models import Account as Stored
from idp.core.vocabulary import ManagementScope
from idp.web.api.resources.fields import STRICT, Email, Moment, Why, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR
_ACCOUNT = "/accounts/{subject}"


class AccountQuery(Wire, **STRICT):
    """Whom to look for; an account is found by its whole address alone."""

    email: Email


class AccountMembership(Wire):
    """A company that an account belongs to."""

    company: str
    name: str
    person_id: str
    role: str
    status: str


class Account(Wire):
    """A person's account."""

    subject: str
    email: str
    email_verified: bool
    name: str
    status: str
    operator: bool
    factors: list[str]
    recovery_codes_left: int
    companies: list[AccountMembership]
    created_at: Moment
    last_sign_in_at: Moment | None


class Accounts(Wire):
    """None or one."""

    items: list[Account]


@operation("GET", "/accounts", scope=OPERATOR)
def find_account(call: Call, query: AccountQuery) -> Accounts:
    """Find an account by its e-mail address."""
    found = services().accounts.find_by_email(query.email)
    return Accounts([] if found is None else [_account(found)])


@operation("GET", _ACCOUNT, scope=OPERATOR)
def show_account(call: Call, subject: str) -> Account:
    """Show an account."""
    return _account(_get(subject))


@operation("POST", f"{_ACCOUNT}/lock", scope=OPERATOR, fresh=True)
def lock_account(call: Call, subject: str, body: Why) -> Account:
    """Lock an account: at once no company, no session, no token."""
    services().people.lock_account(_get(subject).id, call.access.actor, body.reason)
    return _account(_get(subject))


@operation("POST", f"{_ACCOUNT}/unlock", scope=OPERATOR, fresh=True)
def unlock_account(call: Call, subject: str) -> Account:
    """Unlock an account; what ended stays ended."""
    services().people.unlock_account(_get(subject).id, call.access.actor)
    return _account(_get(subject))


@operation("POST", f"{_ACCOUNT}/reset-factors", scope=OPERATOR, fresh=True)
def reset_account_factors(call: Call, subject: str, body: Why) -> None:
    """Forget an account's second factors, whatever its companies demand; mailed and audited."""
    services().people.reset_account_factors(_get(subject).id, call.access.actor, body.reason)


def _get(subject: str) -> Stored:
    found = services().accounts.find_by_subject(subject)
    if found is None:
        raise UnknownAccount
    return found


def _account(found: Stored) -> Account:
    person = services().persons.load(found.subject)
    if person is None:
        raise UnknownAccount
    return Account(
        subject=person.subject,
        email=person.email,
        email_verified=person.email_verified,
        name=str(person.claims.get("name") or ""),
        status=person.status,
        operator=person.is_operator,
        factors=sorted(str(factor) for factor in person.enrolled),
        recovery_codes_left=person.recovery_codes_left,
        companies=[
            AccountMembership(
                one.customer_number, one.tenant_name, one.membership_id, one.role, one.status
            )
            for one in person.memberships
        ],
        created_at=found.created_at,
        last_sign_in_at=found.last_sign_in_at,
    )
