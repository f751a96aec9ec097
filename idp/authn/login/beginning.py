"""How a login transaction starts: what of the request and of the session goes into it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.authn.companies import find_company
from idp.authn.facts import earliest_proof
from idp.authn.login.transaction import LoginTransaction, State
from idp.authn.sessions import Session
from idp.core.person import Person
from idp.core.randomness import digest
from idp.core.vocabulary import LoginNeeded


def new_transaction(
    tx_id: str,
    now: datetime,
    needed: LoginNeeded,
    destination: Mapping[str, Any],
    *,
    browser: str,
    session: Session | None,
    locale: str,
    client: Mapping[str, Any],
    devices: tuple[str, ...],
    registering: bool = False,
) -> LoginTransaction:
    """A transaction in which nobody is identified yet.

    From here on freshness is a fixed moment, so that what is proven in the transaction stays fresh
    however long it takes; and choosing an account is a step, not a wish.
    """
    return LoginTransaction(
        id=tx_id,
        state=State.IDENTIFY,
        browser=digest(browser),
        created_at=now,
        destination=destination,
        needed=replace(
            needed,
            max_age=None,
            not_before=earliest_proof(needed, now),
            select_account=False,
        ),
        locale=locale,
        client=client,
        base_subject=session.subject if session else None,
        base_sid=session.sid if session else None,
        devices=devices,
        registering=registering,
    )


def go_on_as(person: Person, tx: LoginTransaction, needed: LoginNeeded) -> LoginTransaction:
    """Go on as the session's person, unless the request asks for somebody else.

    ``prompt=select_account`` is answered by the company chooser where several would do; it offers
    another account too. With one company, another account is the only choice there is.
    """
    several = len(find_company(person, needed, chosen=None, kept=None).candidates) > 1
    choosing = needed.select_account and several
    if asks_for_other(
        replace(needed, select_account=needed.select_account and not several), person
    ):
        return tx
    return replace(
        tx, email=person.email, subject=person.subject, continued=True, choosing=choosing
    )


def asks_for_other(needed: LoginNeeded, person: Person) -> bool:
    """Whether the request asks for somebody else than the session's person, or for a choice."""
    if needed.select_account:
        return True
    expected = needed.id_token_hint_subject
    if expected is not None:
        return expected != person.subject
    try:
        hinted = normalise_email(needed.login_hint or person.email)
    except InvalidEmail:
        return False
    return hinted != person.email
