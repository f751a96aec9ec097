"""What a change of somebody's second factors leaves behind: a line in the audit log and a mail.

Called by ``authn.factors.enrolment`` and ``authn.factors.own_factors`` within the unit of work of
the change, so that neither happens without the other.
"""

from dataclasses import dataclass
from typing import Any

from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.user_agents import device_name
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.outbox import Outbox

_SHOWN = 60
"""Characters of a name that a mail repeats."""


@dataclass(frozen=True, slots=True)
class Where:
    """From where a change is made: network address and User-Agent."""

    ip: str
    user_agent: str = ""


class FactorNews:
    """Audits a change of a person's factors and tells them."""

    def __init__(self, clock: Clock, audit: Audit, outbox: Outbox, issuer: str) -> None:
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._issuer = issuer

    def added(self, person: Person, factor: Factor, name: str, where: Where) -> None:
        """A factor was set up; ``name`` is what the person calls it, or its masked address."""
        self.record(person, "factor.enrolled", where, factor, name)
        mail = "factor-added" if person.enrolled else "mfa-enabled"
        self.mail(person, mail, where, factor=factor.value, name=name[:_SHOWN])

    def removed(
        self, person: Person, factor: Factor, name: str, where: Where, *, last: bool
    ) -> None:
        """A factor was removed; ``last``: the password alone opens the account now."""
        self.record(person, "factor.removed", where, factor, name)
        said = {"factor": factor.value, "name": name[:_SHOWN], "last": last}
        self.mail(person, "factor-removed", where, **said)

    def record(
        self,
        person: Person,
        event: str,
        where: Where,
        factor: Factor | None = None,
        name: str = "",
    ) -> None:
        """A line in the audit log; what is empty is left out of its detail."""
        device = device_name(where.user_agent)
        said = {"factor": factor, "name": name, "device": device}
        self._audit.record(
            event,
            category="factors",
            actor=person.subject,
            subject=person.subject,
            ip=where.ip,
            detail={key: value for key, value in said.items() if value},
        )

    def mail(self, person: Person, mail: str, where: Where, **more: Any) -> None:
        """A mail that says when and from where, and leads to the account page."""
        context = {
            "given_name": str(person.claims.get("given_name", "")),
            "link": f"{self._issuer}/account/factors",
            "ip": where.ip,
            "device": device_name(where.user_agent),
            "at": self._clock.now().isoformat(),
            "zone": str(person.claims.get("zoneinfo", "")),
            **more,
        }
        self._outbox.mail(person.email, mail, person.locale, context)
