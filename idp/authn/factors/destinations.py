"""Where a person's codes go (M3): telephone numbers they have confirmed, their e-mail if they want.

Called at sign-in and by the account page, once a code has proven that the number is theirs. The
numbers are sealed at rest. No rule about who may use which factor stands here.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from idp.accounts.models import Account
from idp.accounts.phone_number import can_receive_texts, check_callable
from idp.authn.models import CodeDestination
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor
from idp.infra.database import db, transaction

MAX_NUMBERS = 3
"""Telephone numbers per account."""


class DestinationRefused(Exception):
    """No further number is kept; ``code`` is what to translate."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Destinations:
    """Keeps them; the caller has seen the proof, audits and mails."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def add_phone(self, account_id: str, number: str) -> CodeDestination:
        """Keep a number in E.164 form that was just proven; the row there is, where there is one.

        Raises :class:`DestinationRefused` (``too-many-numbers``) and
        ``phone_number.InvalidPhoneNumber``.
        """
        check_callable(number)
        with transaction() as session:
            # Whoever adds meanwhile waits for this row, so that there are never more than allowed.
            session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
            phones = [row for row in self.list(account_id) if row.channel == "phone"]
            found = next((row for row in phones if row.address == number), None)
            if found is None and len(phones) < MAX_NUMBERS:
                found = self._add(account_id, "phone", number, can_receive_texts(number))
        # Refused out here, so that the caller's unit of work can go on.
        if found is None:
            raise DestinationRefused("too-many-numbers")
        return found

    def add_email(self, account_id: str) -> CodeDestination:
        """Have codes sent to the account's address, whatever that is; once."""
        with transaction() as session:
            session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
            found = self.find(account_id, Factor.EMAIL)
            return found or self._add(account_id, "email", "", False)

    def _add(self, account_id: str, channel: str, address: str, texts: bool) -> CodeDestination:
        row = CodeDestination(
            id=self._randomness.uuid(),
            account_id=account_id,
            channel=channel,
            address=address,
            texts=texts,
            created_at=self._clock.now(),
            last_used_at=None,
        )
        with transaction() as session:
            session.add(row)
            session.flush()
        return row

    def list(self, account_id: str) -> Sequence[CodeDestination]:
        """All of the account's, the oldest first."""
        query = select(CodeDestination).where(CodeDestination.account_id == account_id)
        return db.session.scalars(
            query.order_by(CodeDestination.created_at, CodeDestination.id)
        ).all()

    def find(self, account_id: str, factor: Factor) -> CodeDestination | None:
        """The one a code of that factor goes to: of several, the last one used or added."""
        return chosen(self.list(account_id), factor)

    def mark_used(self, destination_id: str) -> None:
        """A code that was sent there came back right."""
        with transaction() as session:
            session.execute(
                update(CodeDestination)
                .where(CodeDestination.id == destination_id)
                .values(last_used_at=self._clock.now())
            )

    def remove(self, account_id: str, destination_id: str) -> CodeDestination | None:
        """Remove one of the account's own; what it was, or None."""
        with transaction() as session:
            found = session.scalar(
                select(CodeDestination).where(
                    CodeDestination.account_id == account_id, CodeDestination.id == destination_id
                )
            )
            if found is not None:
                session.delete(found)
                session.flush()
        return found

    def remove_all(self, account_id: str) -> None:
        """Remove every one of the account."""
        with transaction() as session:
            session.execute(delete(CodeDestination).where(CodeDestination.account_id == account_id))

    @staticmethod
    def masked(destination: CodeDestination, email: str) -> str:
        """What its owner knows it by and a stranger learns little from."""
        return masked_address(email if destination.channel == "email" else destination.address)


def chosen(rows: Sequence[CodeDestination], factor: Factor) -> CodeDestination | None:
    """Of an account's destinations the one a code of that factor goes to."""
    fitting = [row for row in rows if _fits(row, factor)]
    return max(fitting, key=lambda row: row.last_used_at or row.created_at, default=None)


def masked_address(address: str) -> str:
    """``•••• 42`` of a telephone number, ``a•••@nord.example`` of an e-mail address."""
    name, at, host = address.rpartition("@")
    return f"{name[:1]}•••@{host}" if at else f"•••• {address[-2:]}"


def _fits(row: CodeDestination, factor: Factor) -> bool:
    if factor is Factor.EMAIL:
        return row.channel == "email"
    if factor is Factor.SMS:
        return row.channel == "phone" and row.texts
    return factor is Factor.VOICE and row.channel == "phone"
