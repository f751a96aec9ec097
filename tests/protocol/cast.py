"""Who and what the protocol meets in tests: a clock, a directory of people, an outbox."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.core.person import Person
from idp.infra.ephemeral import EphemeralStore

PROFILE = {
    "name": "Erik Employee",
    "given_name": "Erik",
    "family_name": "Employee",
    "middle_name": "E.",
    "nickname": "ee",
    "preferred_username": "erik",
    "profile": "https://people.example/erik",
    "picture": "https://people.example/erik.png",
    "website": "https://erik.example",
    "gender": "male",
    "birthdate": "1980-01-02",
    "zoneinfo": "Europe/Berlin",
    "locale": "de-DE",
    "updated_at": 1700000000,
    "email": "erik@nord.example",
    "email_verified": True,
    "phone_number": "+4940123456",
    "phone_number_verified": False,
    "address": {"locality": "Hamburg"},
}


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class People:
    """A directory of persons: what is put is found, in Redis or behind it."""

    def __init__(self, store: EphemeralStore) -> None:
        self._store = store
        self.persons: dict[str, Person] = {}
        self.loads = 0
        self.forgotten: list[str] = []

    def key(self, subject: str) -> str:
        return f"{{{subject}}}:person"

    def parse(self, raw: bytes) -> Person | None:
        return self.persons.get(raw.decode())

    def load(self, subject: str) -> Person | None:
        self.loads += 1
        if subject in self.persons:
            self._store.put(self.key(subject), subject, 600)
        return self.persons.get(subject)

    def forget(self, subject: str) -> None:
        self.forgotten.append(subject)
        self._store.delete(self.key(subject))

    def change(self, person: Person, **changes: Any) -> Person:
        changed = replace(person, **changes)
        self.persons[person.subject] = changed
        return changed


@dataclass
class Outbox:
    """Keeps logout notices instead of sending them."""

    notices: list[tuple[str, str, Any]] = field(default_factory=list)

    def backchannel_logout(self, client_id: str, uri: str, logout_token: Any) -> str:
        self.notices.append((client_id, uri, logout_token))
        return str(len(self.notices))


class NoOutbound:
    """Client keys are registered by value here."""

    def get(self, url: str, accept: str) -> Any:
        raise AssertionError("nothing is fetched in these tests")
