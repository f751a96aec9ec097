"""Signing out: this browser, another, or everywhere (S9). ``Sessions.on_end`` tells products."""

from collections.abc import Callable

from idp.authn.sessions import Session, Sessions
from idp.core.person import Person
from idp.infra.audit import Audit
from idp.infra.database import transaction


class SignOut:
    """Ends sessions because somebody asked for it."""

    def __init__(
        self, sessions: Sessions, audit: Audit, end_tokens: Callable[[str, str], object]
    ) -> None:
        self._sessions = sessions
        self._audit = audit
        self._end_tokens = end_tokens

    def one(self, session: Session, *, ip: str) -> None:
        """This session: its record, and every product it was used for."""
        with transaction():
            self._sessions.end(session)
            self._record("session.ended", session.subject, session.tenant_id, ip)

    def everywhere(self, person: Person, *, keep: str | None, ip: str) -> int:
        """Every session but the one with the sid ``keep``, and every refresh token; how many."""
        with transaction():
            ended = self._sessions.end_all(person.subject, keep=keep)
            self._end_tokens(person.account_id, "signed out everywhere")
            self._record("session.ended_everywhere", person.subject, None, ip)
        return ended

    def _record(self, event: str, subject: str, tenant_id: str | None, ip: str) -> None:
        self._audit.record(
            event,
            category="sign-in",
            actor=subject,
            subject=subject,
            tenant_id=tenant_id,
            ip=ip,
        )
