"""Who helps a person that can use none of their factors, and asking them (M9, M10).

The login's lost-factor step asks this once the password is proven. Another admin of the company can
reset the factors; where none may (the only admin, or a person on whose factor other companies or
the platform rely), the operators work it as a case.
"""

from idp.accounts.guessing import network_of
from idp.authn.ports import Helper, HelpRefused
from idp.core.person import Person, PersonMembership
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.people.admins import admins_of
from idp.people.members.service import PeopleService
from idp.people.recovery.cases import Cases
from idp.settings import Settings
from idp.tenants.models import Membership

LONGEST_REASON = 1000
LONGEST_CONTACT = 200
_DAY = 86400


class Help:
    """Finds who can help, and asks them once."""

    def __init__(
        self,
        settings: Settings,
        store: EphemeralStore,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        people: PeopleService,
        cases: Cases,
    ) -> None:
        self._issuer = settings.issuer
        self._store = store
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit
        self._people = people
        self._cases = cases
        self._per_network = Limit("help-network", settings.limits.password_per_network, _DAY)
        self._per_account = Limit("help-account", settings.limits.mail_per_address, _DAY)

    def helper_of(self, person: Person, tenant_id: str | None) -> Helper:
        """Who can help: ``nobody`` where the person is active in no company."""
        return self._find(person, tenant_id)[0]

    def was_asked(self, person: Person) -> bool:
        """Whether somebody has been asked already and has not answered yet."""
        asked = self._store.get(_key(person.account_id)) is not None
        return asked or self._cases.find_open(person.account_id) is not None

    def ask(
        self, person: Person, tenant_id: str | None, reason: str, contact: str, *, ip: str
    ) -> None:
        """Ask whoever can help; does nothing where they have been asked already.

        Raises ``HelpRefused``.
        """
        helper, member = self._find(person, tenant_id)
        reason, contact = " ".join(reason.split()), " ".join(contact.split())
        if member is None:
            raise HelpRefused("help-nobody")
        if not reason:
            raise HelpRefused("help-reason-required", "reason")
        if len(reason) > LONGEST_REASON:
            raise HelpRefused("too-long", "reason")
        if helper == "operator" and not contact:
            raise HelpRefused("help-contact-required", "contact")
        if len(contact) > LONGEST_CONTACT:
            raise HelpRefused("too-long", "contact")
        if self.was_asked(person):
            return
        try:
            self._throttle.attempt(self._per_network, network_of(ip))
            self._throttle.check(self._per_account, person.account_id)
        except Throttled as error:
            raise HelpRefused("throttled", "", error.retry_after) from error
        if helper == "operator":
            opened = self._cases.open(person, member.tenant_id, reason, contact, ip=ip)
            if opened:  # Who knows the password could ask anew whenever the person withdraws it.
                self._throttle.hit(self._per_account, person.account_id)
        else:
            self._ask_admins(person, member, reason, ip)

    def answered(self, account_id: str, subject: str) -> None:
        """The factors were reset, so help can be asked for again (``on_factors_reset``)."""
        self._store.delete(_key(account_id))

    def _find(
        self, person: Person, tenant_id: str | None
    ) -> tuple[Helper, PersonMembership | None]:
        """Who helps, and in which company: the one being entered, else the first that can."""
        active = [m for m in person.memberships if m.status == "active"]
        entered = [m for m in active if m.tenant_id == tenant_id] or active
        for membership in entered:
            if admins_of(membership.tenant_id, other_than=person.account_id) and self._may_reset(
                membership
            ):
                return "admin", membership
        return ("operator", entered[0]) if entered else ("nobody", None)

    def _may_reset(self, membership: PersonMembership) -> bool:
        found = db.session.get(Membership, membership.membership_id)
        return found is not None and self._people.may_company_reset(found)

    def _ask_admins(
        self, person: Person, membership: PersonMembership, reason: str, ip: str
    ) -> None:
        key = _key(person.account_id)
        if not self._store.put(key, b"1", _DAY, only_new=True):
            return
        try:
            with transaction():
                self._audit.record(
                    "help.asked",
                    category="people",
                    tenant_id=membership.tenant_id,
                    actor=person.subject,
                    subject=person.subject,
                    ip=ip,
                    detail={"reason": reason[:200]},
                )
                console = f"{self._issuer}/admin/{membership.customer_number}/people"
                for admin in admins_of(membership.tenant_id, other_than=person.account_id):
                    context = {
                        "given_name": admin.given_name or "",
                        "person_name": str(person.claims.get("name") or person.email),
                        "person_email": person.email,
                        "tenant_name": membership.tenant_name,
                        "reason": reason,
                        "link": f"{console}/{membership.membership_id}",
                        "ip": ip,
                    }
                    self._outbox.mail(admin.email, "help-wanted", admin.locale, context)
                told = {
                    "given_name": str(person.claims.get("given_name", "")),
                    "tenant_name": membership.tenant_name,
                    "link": f"{self._issuer}/password/forgot",
                    "ip": ip,
                }
                self._outbox.mail(person.email, "help-requested", person.locale, told)
        except BaseException:
            self._store.delete(key)
            raise


def _key(account_id: str) -> str:
    return f"help-asked:{account_id}"
