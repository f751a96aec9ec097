"""Who is signed in with this request: session and person, fetched in one trip."""

from dataclasses import dataclass

from flask import request

from idp.authn.sessions import Session
from idp.core.person import Person
from idp.web.http import guard, services
from idp.wiring import Services


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and the person it belongs to."""

    session: Session
    person: Person

    def consents(self, client_id: str) -> tuple[str, ...]:
        """The scopes this person has allowed the client."""
        return tuple(self.person.consents.get(client_id, ()))


def signed_in() -> SignedIn | None:
    """The session of this browser, if it has one that is still good.

    Whether the session is *enough* for what is asked is not said here: that is for
    ``AuthnService.authentication_for``.
    """
    return find_signed_in(services(), request.cookies.get(guard().session_cookie))


def find_signed_in(everything: Services, cookie: str | None) -> SignedIn | None:
    """The same by the value of the session cookie."""
    found = everything.sessions.key_from_cookie(cookie) if cookie else None
    if found is None:
        return None
    key, subject = found
    raw_session, raw_person = everything.store.fetch(key, everything.persons.key(subject))
    session = everything.sessions.parse(raw_session)
    if session is None:
        return None
    person = everything.persons.parse(raw_person) if raw_person else None
    person = person or everything.persons.load(subject)
    if person is None:
        return None
    everything.sessions.touch(session)
    return SignedIn(session, person)
