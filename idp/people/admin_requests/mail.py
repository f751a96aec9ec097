"""Mails about requests to become an admin: to who decides, and to the person."""

from idp.accounts.models import Account
from idp.infra.database import db
from idp.infra.outbox import Outbox
from idp.people.admin_requests.rows import RequestRow
from idp.people.admins import admins_of
from idp.people.recovery.cases import operators
from idp.settings import Settings


class RequestMail:
    """Queues them, in the unit of work of their cause."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self._issuer = settings.issuer
        self._outbox = outbox

    def asked(self, row: RequestRow) -> None:
        """The company's admins are asked to consent, the operators to approve."""
        context = {
            "person_name": row.name,
            "person_email": row.email,
            "tenant_name": row.tenant_name,
            "reason": row.reason,
        }
        for admin in admins_of(row.tenant_id, other_than=row.account_id):
            link = f"/admin/{row.customer_number}/requests"
            self._send(admin, "admin-request", link, context)
        for operator in operators(other_than=row.account_id):
            link = f"/operator/requests/{row.id}"
            self._send(operator, "admin-request-operator", link, context)

    def granted(self, row: RequestRow) -> None:
        """To the person: the console is open to them."""
        link = f"/admin/{row.customer_number}"
        account = db.session.get_one(Account, row.account_id)
        self._send(account, "admin-granted", link, {"tenant_name": row.tenant_name})

    def refused(self, row: RequestRow, reason: str) -> None:
        """To the person, with the reason."""
        link = f"/account/companies/{row.customer_number}/admin-request"
        account = db.session.get_one(Account, row.account_id)
        context = {"tenant_name": row.tenant_name, "reason": reason}
        self._send(account, "admin-refused", link, context)

    def _send(self, to: Account, mail: str, path: str, context: dict[str, str]) -> None:
        known = {"given_name": to.given_name or "", "link": self._issuer + path}
        self._outbox.mail(to.email, mail, to.locale, {**known, **context})
