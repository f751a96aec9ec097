"""What operators work with: accounts, signing keys, deliveries, recovery cases."""

from dataclasses import asdict
from typing import Literal

from idp.accounts.errors import UnknownAccount
from idp.accounts.models import Account as Stored
from idp.core.vocabulary import ManagementScope
from idp.infra.delivery_queue import QueuedRow
from idp.infra.keyring import KeyInfo
from idp.people.recovery import case_facts
from idp.web.api.problems import field_problem
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.fields import STRICT, After, Email, Limit, Moment, Why, Wire
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


class Key(Wire):
    """A signing key. `state`: next, signing, retired or removed."""

    kid: str
    alg: str
    state: str
    created_at: Moment
    active_from: Moment
    retired_at: Moment | None
    remove_after: Moment | None


class Keys(Wire):
    """All of them."""

    items: list[Key]


class KeyRotation(Wire, **STRICT):
    """Which algorithm (null: each in use), and whether the new key signs at once."""

    alg: Literal["RS256", "ES256", "EdDSA"] | None = None
    immediately: bool = False


class KeysMade(Wire):
    """The ids of the new keys."""

    made: list[str]


class DeliveryQuery(Wire, **STRICT):
    """Which deliveries to list; `dead` are those that were given up."""

    state: Literal["waiting", "trying", "dead"] = "dead"
    after: After | None = None
    limit: Limit = 50


class Delivery(Wire):
    """Something to be sent. What it says is never shown; of the address only the ends."""

    id: str
    kind: str
    name: str
    to: str
    client_id: str
    created_at: Moment
    next_attempt_at: Moment
    dead_at: Moment | None
    attempts: int
    last_error: str


class Deliveries(Wire):
    """A page of them."""

    items: list[Delivery]
    next: str | None


class CasesQuery(Wire, **STRICT):
    """Open ones, the longest waiting first, or the last that were closed."""

    state: Literal["open", "closed"] = "open"


class RecoveryCase(Wire):
    """A request to be let in again by somebody whom no admin can help."""

    id: str
    status: str
    company: str
    name: str
    email: str
    approvals: int
    created_at: Moment
    expires_at: Moment
    closed_at: Moment | None


class RecoveryCases(Wire):
    """Some of them."""

    items: list[RecoveryCase]


class RecoveryCaseFacts(Wire):
    """A case with what there is to check the asking person by. It is decided in the console, by
    two operators in person.
    """

    case: RecoveryCase
    reason: str
    contact: str
    ip: str
    network_known: bool
    other_admins: int
    members: int
    account_created_at: Moment
    password_changed_at: Moment | None
    signed_in_since: Moment | None


# Accounts


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


# Signing keys


@operation("GET", "/keys", scope=OPERATOR)
def list_keys(call: Call) -> Keys:
    """List the signing keys."""
    return Keys([_key(key) for key in services().keyring.list()])


@operation("POST", "/keys/rotate", scope=OPERATOR, fresh=True)
def rotate_keys(call: Call, body: KeyRotation) -> KeysMade:
    """Publish the next key; it signs once everybody has seen it."""
    made = services().operations.rotate_keys(
        call.access.actor, body.alg, immediately=body.immediately
    )
    return KeysMade(list(made))


@operation("POST", "/keys/{kid}/retire", scope=OPERATOR, fresh=True)
def retire_key(call: Call, kid: str) -> None:
    """Stop trusting a key at once, as after a leak: everything it signed dies with it.

    A token of this API that it signed dies as well.
    """
    try:
        services().operations.retire_key(call.access.actor, kid)
    except ValueError as error:
        raise field_problem("kid", f"{error}.") from None


# Deliveries


@operation("GET", "/deliveries", scope=OPERATOR)
def list_deliveries(call: Call, query: DeliveryQuery) -> Deliveries:
    """List mail, messages and logout notices that wait or were given up."""
    after = None
    if (parts := decode_cursor(query.after)) is not None:
        if len(parts) != 2 or not isinstance(parts[0], Moment) or not isinstance(parts[1], str):
            raise bad_cursor()
        after = (parts[0], parts[1])
    page = services().operations.queue.list(query.state, after=after, limit=query.limit)
    return Deliveries(
        [_delivery(row) for row in page.rows], encode_cursor(page.next) if page.next else None
    )


@operation("POST", "/deliveries/{delivery_id}/retry", scope=OPERATOR)
def retry_delivery(call: Call, delivery_id: str) -> None:
    """Try something that was given up once more, from the beginning."""
    services().operations.retry_letter(call.access.actor, delivery_id)


@operation("DELETE", "/deliveries/{delivery_id}", scope=OPERATOR)
def drop_delivery(call: Call, delivery_id: str) -> None:
    """Forget something that was given up. Once more answers 404."""
    services().operations.drop_letter(call.access.actor, delivery_id)


# Recovery cases


@operation("GET", "/recovery-cases", scope=OPERATOR)
def list_recovery_cases(call: Call, query: CasesQuery) -> RecoveryCases:
    """List recovery cases."""
    now = services().clock.now()
    rows = case_facts.list_open(now) if query.state == "open" else case_facts.list_closed(now)
    return RecoveryCases([_case(row) for row in rows])


@operation("GET", "/recovery-cases/{case_id}", scope=OPERATOR)
def show_recovery_case(call: Call, case_id: str) -> RecoveryCaseFacts:
    """Show a recovery case with its facts."""
    facts = case_facts.facts_of(case_id, services().clock.now())
    return RecoveryCaseFacts(
        case=_case(facts.row),
        reason=facts.reason,
        contact=facts.contact,
        ip=facts.ip,
        network_known=facts.network_known,
        other_admins=facts.other_admins,
        members=facts.members,
        account_created_at=facts.account_created_at,
        password_changed_at=facts.password_changed_at,
        signed_in_since=facts.signed_in_since,
    )


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


def _key(key: KeyInfo) -> Key:
    return Key(**asdict(key))


def _delivery(row: QueuedRow) -> Delivery:
    return Delivery(**asdict(row))


def _case(row: case_facts.CaseRow) -> RecoveryCase:
    return RecoveryCase(
        id=row.id,
        status=row.status,
        company=row.customer_number,
        name=row.name,
        email=row.email,
        approvals=len(row.approved_by),
        created_at=row.created_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
    )
