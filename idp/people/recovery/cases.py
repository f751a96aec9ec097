"""Recovery cases: how somebody gets in again whom no admin of a company can help (M10).

    open ──▶ approved   two operators have checked who it is; the old factors are dead
      ├────▶ refused    one operator was not convinced, and says why
      ├────▶ cancelled  the person says by the mailed link that they have not asked
      └────▶ (expired)  nobody decided in a week; it stays "open" in the table and counts no more

Opened by ``people.recovery.help`` from the sign-in, worked in the operator console. Every step is
audited in the company's chain and mailed to the person in the same unit of work; what leaves
``open`` does so by one conditional UPDATE, so however many decide at once, one decision stands.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.recovery import RecoveryLinks
from idp.accounts.service import AccountService
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness, digest
from idp.infra.audit import Audit
from idp.infra.database import db, lock_for_change, transaction
from idp.infra.outbox import Outbox
from idp.people.actors import Actor, Refused
from idp.people.members.service import PeopleService
from idp.people.models import RecoveryApproval, RecoveryCase
from idp.settings import Settings
from idp.tenants.models import Tenant

LIFETIME = timedelta(days=7)
APPROVALS = 2
"""So many different operators must be convinced."""
LONGEST = 1000
"""Characters of a note or a reason."""


class UnknownCase(LookupError):
    """No case with that id, or nobody who may see it."""


class CaseRefused(Refused):
    """A decision that cannot be taken; ``field`` is where its form says so."""

    def __init__(self, code: str, field: str = "") -> None:
        Exception.__init__(self, code)
        self.code = code
        self.field = field


class Cases:
    """Opens, approves, refuses and cancels; ``people.recovery.case_facts`` reads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        links: RecoveryLinks,
        people: PeopleService,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._randomness = randomness
        self._outbox = outbox
        self._audit = audit
        self._accounts = accounts
        self._links = links
        self._people = people

    def find_open(self, account_id: str) -> RecoveryCase | None:
        """The account's case that waits for a decision."""
        query = select(RecoveryCase).where(
            RecoveryCase.account_id == account_id,
            RecoveryCase.status == "open",
            RecoveryCase.expires_at > self._clock.now(),
        )
        return db.session.scalars(query).first()

    def open(self, person: Person, tenant_id: str, reason: str, contact: str, *, ip: str) -> bool:
        """Ask the operators; False where a case of the account is open already.

        The person gets the link that withdraws it, every operator a notice.
        """
        now = self._clock.now()
        token = self._randomness.token()
        with transaction() as session:
            lock_for_change(f"recovery-case:{person.account_id}")
            if self.find_open(person.account_id) is not None:
                return False
            case = RecoveryCase(
                id=self._randomness.uuid(),
                account_id=person.account_id,
                tenant_id=tenant_id,
                status="open",
                reason=reason,
                contact=contact,
                ip=ip[:64],
                cancel_digest=digest(token),
                created_at=now,
                expires_at=now + LIFETIME,
                closed_at=None,
            )
            session.add(case)
            session.flush()
            self._record("recovery_case.opened", case, actor=person.subject, ip=ip)
            link = f"{self._issuer}/recovery/{token}"
            self._tell(case, "recovery-requested", link=link, days=LIFETIME.days, ip=ip)
            self._tell_operators(case)
        return True

    def approve(self, case_id: str, operator: Actor, note: str) -> RecoveryCase:
        """An operator is convinced; with the second one the old factors die, all at once.

        Sessions and tokens end too, and the next sign-in sets up a new factor whatever grace
        period still runs. Raises ``UnknownCase``, ``CaseRefused``.
        """
        note = _said(note, "note")
        now = self._clock.now()
        with transaction() as session:
            case = self._get_for(case_id, operator)
            given = self.approvals(case.id)
            if any(account.id == operator.account_id for account, _ in given):
                raise CaseRefused("case-approved-already")
            session.add(
                RecoveryApproval(case_id=case.id, account_id=operator.account_id, note=note, at=now)
            )
            session.flush()
            detail = {"note": note[:200]}
            self._record("recovery_case.approved", case, actor=operator.subject, detail=detail)
            # Whoever is no operator any more does not count.
            valid = 1 + sum(_is_operator(account) for account, _ in given)
            if valid < APPROVALS:
                self._tell(case, "recovery-halfway", link=self._forgot)
                return case
            self._close(case, "approved")
            self._people.reset_account_factors(
                case.account_id,
                operator,
                f"recovery case {case.id}",
                tenant_id=case.tenant_id,
                forced=True,
                mail="recovery-approved",
            )
        return case

    def refuse(self, case_id: str, operator: Actor, reason: str) -> RecoveryCase:
        """One operator's no is enough; the person is mailed the reason.

        Raises ``UnknownCase``, ``CaseRefused``.
        """
        reason = _said(reason, "reason")
        with transaction():
            case = self._get_for(case_id, operator)
            self._close(case, "refused")
            detail = {"reason": reason}
            self._record("recovery_case.refused", case, actor=operator.subject, detail=detail)
            self._tell(case, "recovery-refused", reason=reason, link=self._forgot)
        return case

    def find_by_token(self, token: str) -> RecoveryCase | None:
        """The open case that a mailed link withdraws."""
        query = select(RecoveryCase).where(
            RecoveryCase.cancel_digest == digest(token),
            RecoveryCase.status == "open",
            RecoveryCase.expires_at > self._clock.now(),
        )
        return db.session.scalar(query)

    def cancel(self, token: str, *, ip: str) -> str | None:
        """Withdraw it by the mailed link, once; None for a link that is over.

        A token to set a new password with: whoever asked in the person's name knows the old one.
        """
        with transaction():
            case = self.find_by_token(token)
            account = self._cancel(case, ip) if case is not None else None
        return self._links.issue(account) if account is not None else None

    def cancel_of(self, account_id: str, *, ip: str) -> None:
        """Withdraw the account's open case, if it has one: it was not the person who asked."""
        with transaction():
            case = self.find_open(account_id)
            if case is not None:
                self._cancel(case, ip)

    def approvals(self, case_id: str) -> Sequence[tuple[Account, RecoveryApproval]]:
        """Who has approved, in order."""
        query = (
            select(Account, RecoveryApproval)
            .join(Account, Account.id == RecoveryApproval.account_id)
            .where(RecoveryApproval.case_id == case_id)
            .order_by(RecoveryApproval.at, RecoveryApproval.account_id)
        )
        return [(account, approval) for account, approval in db.session.execute(query)]

    @property
    def _forgot(self) -> str:
        return f"{self._issuer}/password/forgot"

    def _cancel(self, case: RecoveryCase, ip: str) -> Account | None:
        if not self._closed(case, "cancelled"):
            return None
        account = self._accounts.get(case.account_id)
        self._record("recovery_case.cancelled", case, actor=account.subject, ip=ip)
        self._tell(case, "recovery-cancelled", link=self._forgot, ip=ip)
        return account

    def _get_for(self, case_id: str, operator: Actor) -> RecoveryCase:
        """The open case, held by this unit of work, for somebody who may decide it."""
        found = db.session.get(Account, operator.account_id) if operator.account_id else None
        if found is None or not _is_operator(found):
            raise UnknownCase
        query = select(RecoveryCase).where(RecoveryCase.id == case_id).with_for_update()
        case = db.session.scalar(query, execution_options={"populate_existing": True})
        if case is None:
            raise UnknownCase
        if case.account_id == operator.account_id:
            raise CaseRefused("case-yours")
        if case.status != "open" or case.expires_at <= self._clock.now():
            raise CaseRefused("case-closed")
        return case

    def _close(self, case: RecoveryCase, status: str) -> None:
        if not self._closed(case, status):
            raise CaseRefused("case-closed")

    def _closed(self, case: RecoveryCase, status: str) -> bool:
        """Take it out of ``open``; True for exactly one caller."""
        statement = (
            update(RecoveryCase)
            .where(RecoveryCase.id == case.id, RecoveryCase.status == "open")
            .values(status=status, closed_at=self._clock.now())
            .returning(RecoveryCase.id)
        )
        return db.session.execute(statement).scalar() is not None

    def _record(
        self,
        event: str,
        case: RecoveryCase,
        *,
        actor: str,
        ip: str | None = None,
        detail: dict[str, str] | None = None,
    ) -> None:
        self._audit.record(
            event,
            category="people",
            tenant_id=case.tenant_id,
            actor=actor,
            subject=self._accounts.get(case.account_id).subject,
            ip=ip,
            detail={"case": case.id, **(detail or {})},
        )

    def _tell(self, case: RecoveryCase, mail: str, **context: object) -> None:
        account = self._accounts.get(case.account_id)
        known = {"given_name": account.given_name or "", "tenant_name": _company(case)}
        self._outbox.mail(account.email, mail, account.locale, {**known, **context})

    def _tell_operators(self, case: RecoveryCase) -> None:
        person = self._accounts.get(case.account_id)
        for operator in operators(other_than=case.account_id):
            context = {
                "given_name": operator.given_name or "",
                "person_email": person.email,
                "tenant_name": _company(case),
                "link": f"{self._issuer}/operator/cases/{case.id}",
                "days": LIFETIME.days,
            }
            self._outbox.mail(operator.email, "recovery-case", operator.locale, context)


def operators(*, other_than: str) -> Sequence[Account]:
    """The operators who could decide a case of that account."""
    query = select(Account).where(
        Account.is_operator.is_(True), Account.status == "active", Account.id != other_than
    )
    return db.session.scalars(query.order_by(Account.email)).all()


def _is_operator(account: Account) -> bool:
    return account.is_operator and account.status == "active"


def _company(case: RecoveryCase) -> str:
    return db.session.scalar(select(Tenant.name).where(Tenant.id == case.tenant_id)) or ""


def _said(text: str, field: str) -> str:
    """What an operator wrote, tidied; raises ``CaseRefused`` where it is empty or too long."""
    text = text.strip()
    if not text:
        raise CaseRefused(f"case-{field}-required", field)
    if len(text) > LONGEST:
        raise CaseRefused("too-long", field)
    return text
