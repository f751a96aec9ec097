"""A member writes to the admins of their company (T9). The admins answer by mail, to the person.

Waiting members may write as well: it is how they get noticed. The text is not kept, only that a
letter was sent.
"""

from idp.core.person import Person, PersonMembership
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.people.actors import Refused
from idp.people.admins import admins_of
from idp.settings import Settings

LONGEST = 2000
"""Characters of a letter."""
_PER_DAY = 5
_DAY = 86400


class LetterRefused(Refused):
    """It was not sent; ``code`` is what to translate, ``retry_after`` in seconds if that helps."""

    def __init__(self, code: str, retry_after: int = 0) -> None:
        Exception.__init__(self, code)
        self.code = code
        self.retry_after = retry_after


class Letters:
    """Sends them."""

    def __init__(
        self, settings: Settings, throttle: Throttle, outbox: Outbox, audit: Audit
    ) -> None:
        self._issuer = settings.issuer
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit
        self._limit = Limit("letters", _PER_DAY, _DAY)

    def find_membership(self, person: Person, customer_number: str) -> PersonMembership | None:
        """The person's membership in that company, if they may write to its admins."""
        return next(
            (
                m
                for m in person.memberships
                if m.customer_number == customer_number and m.status in ("active", "waiting")
            ),
            None,
        )

    def has_reader(self, person: Person, membership: PersonMembership) -> bool:
        """Whether there is anybody but the person to read it."""
        return bool(admins_of(membership.tenant_id, other_than=person.account_id))

    def send(self, person: Person, membership: PersonMembership, text: str, *, ip: str) -> int:
        """Mail the text to every active admin of the company; to how many.

        Raises ``LetterRefused``: ``letter-required``, ``too-long``, ``no-admin``, ``throttled``.
        """
        text = "\n".join(line.rstrip() for line in text.strip().splitlines())
        if not text:
            raise LetterRefused("letter-required")
        if len(text) > LONGEST:
            raise LetterRefused("too-long")
        admins = admins_of(membership.tenant_id, other_than=person.account_id)
        if not admins:
            raise LetterRefused("no-admin")
        try:
            self._throttle.attempt(self._limit, person.account_id, membership.tenant_id)
        except Throttled as error:
            raise LetterRefused("too-many-letters", error.retry_after) from error
        console = f"{self._issuer}/admin/{membership.customer_number}/people"
        with transaction():
            for admin in admins:
                context = {
                    "given_name": admin.given_name or "",
                    "person_name": str(person.claims.get("name") or person.email),
                    "person_email": person.email,
                    "tenant_name": membership.tenant_name,
                    "text": text,
                    "link": f"{console}/{membership.membership_id}",
                    "ip": ip,
                    "reply_to": person.email,
                }
                self._outbox.mail(admin.email, "letter", admin.locale, context)
            self._audit.record(
                "letter.sent",
                category="people",
                tenant_id=membership.tenant_id,
                actor=person.subject,
                subject=person.subject,
                ip=ip,
                detail={"admins": len(admins)},
            )
        return len(admins)
