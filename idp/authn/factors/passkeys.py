"""Passkeys and security keys of an account: made, asked for, checked, renamed, removed (M2).

A key whose signature counter did not grow may have been copied: it signs nobody in any more, the
person is told, and it goes when they remove it (WebAuthn Level 3 §6.1.1).
"""

import base64
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from idp.authn.factors import webauthn
from idp.authn.factors.challenges import Challenges, ExpiredChallenge, Purpose, WrongChallenge
from idp.authn.factors.passkey_names import cleaned, default_name
from idp.authn.factors.passkey_uses import PasskeyUses
from idp.authn.factors.webauthn import Answer, CeremonyFailed, KnownCredential, NewCredential
from idp.authn.models import WebauthnCredential
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness, digest, same
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.mail_templates import PRODUCT_NAME
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.settings import Settings

log = logging.getLogger(__name__)

MAX_PER_ACCOUNT = 20


class PasskeyRefused(Exception):
    """``code`` is the text to translate: ``passkey-failed``, ``passkey-expired`` (ask again),
    ``passkey-unknown``, ``passkey-unverified``, ``passkey-copied``, ``passkey-known`` (it is set up
    already) or ``passkey-limit``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ProvenPasskey:
    """A passkey that has just signed. ``verified``: it has checked its holder itself; ``synced``:
    its key may be on several devices.
    """

    account_id: str
    verified: bool
    synced: bool


class Passkeys:
    """The passkeys and security keys of accounts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        sealer: Sealer,
        audit: Audit,
        outbox: Outbox,
    ) -> None:
        self._rp_id = settings.passkeys.rp_id
        self._origins = settings.passkeys.origins
        self._clock = clock
        self._randomness = randomness
        lifetime = settings.lifetimes.login_transaction
        self._challenges = Challenges(clock, randomness, store, sealer, lifetime)
        self._uses = PasskeyUses(settings, clock, audit, outbox)

    @property
    def on_changed(self) -> "list[Callable[[str], object]]":
        """Called with the subject before and after the commit where a sign-in has ended its
        passkey; what callers change, they make known themselves.
        """
        return self._uses.on_changed

    # Setting up

    def creation_options(self, person: Person, bound_to: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``, JSON-ready, good for one answer.

        ``bound_to`` is what the answer must come back with: a transaction's or session's id.
        """
        return webauthn.creation_options(
            rp_id=self._rp_id,
            rp_name=PRODUCT_NAME,
            user_handle=user_handle(person.account_id),
            user_name=person.email,
            display_name=str(person.claims.get("name") or person.email),
            challenge=self._challenges.issue("create", bound_to, person.account_id),
            known=_known(self._usable(person.account_id)),
        )

    def register(
        self, person: Person, bound_to: str, credential: str, name: str = ""
    ) -> WebauthnCredential:
        """Keep the new passkey; without a name it gets its maker's. The caller audits and mails.

        Raises :class:`PasskeyRefused`.
        """
        answer = self._read(credential, "create", bound_to, person.account_id)
        try:
            new = webauthn.check_creation(answer, rp_id=self._rp_id, origins=self._origins)
        except CeremonyFailed as error:
            raise _failed(error) from error
        try:
            with transaction() as session:
                names = self._names(person.account_id)
                if len(names) >= MAX_PER_ACCOUNT:
                    raise PasskeyRefused("passkey-limit")
                if self._find(new.credential_id) is not None:
                    raise PasskeyRefused("passkey-known")
                row = self._row(person.account_id, new, cleaned(name))
                row.name = row.name or default_name(
                    row.aaguid,
                    row.transports,
                    synced=row.backup_eligible,
                    locale=person.locale,
                    taken=names,
                )
                session.add(row)
                session.flush()
        except IntegrityError as error:  # the same one at the same time
            raise PasskeyRefused("passkey-known") from error
        return row

    # Signing in

    def request_options(
        self, bound_to: str, account_id: str | None = None, *, verified: bool = False
    ) -> dict[str, Any]:
        """Options for ``navigator.credentials.get``, JSON-ready, good for one answer.

        Without an account: any passkey of ours, which must check its holder. With one: that
        account's keys; ``verified``: they must check their holder, since no password was given.
        """
        purpose = _purpose(account_id, verified)
        return webauthn.request_options(
            rp_id=self._rp_id,
            challenge=self._challenges.issue(purpose, bound_to, account_id),
            allowed=_known(self._usable(account_id)) if account_id else [],
            verified=purpose != "second-factor",
        )

    def authenticate(
        self,
        bound_to: str,
        credential: str,
        *,
        account_id: str | None,
        ip: str,
        verified: bool = False,
    ) -> ProvenPasskey:
        """Check the answer to :meth:`request_options`, called with the same arguments.

        A failure is audited here where it is known whose it is. Never within a unit of work: what
        is found out must stay, though this raises. Raises :class:`PasskeyRefused`.
        """
        purpose = _purpose(account_id, verified)
        answer = self._read(credential, purpose, bound_to, account_id)
        row = self._find(answer.credential_id)
        meant = account_id or (row.account_id if row else None)
        try:
            if row is None or row.account_id != meant:
                raise PasskeyRefused("passkey-unknown")
            return self._prove(row, answer, purpose, ip)
        except PasskeyRefused as error:
            if meant is not None:
                self._uses.record_failure(meant, error.code, ip)
            raise

    def _prove(
        self, row: WebauthnCredential, answer: Answer, purpose: Purpose, ip: str
    ) -> ProvenPasskey:
        if not _is_handle_of(answer.user_handle, row.account_id, needed=purpose == "sign-in"):
            raise _failed(CeremonyFailed("another person's user handle, or none"))
        try:
            signed = webauthn.check_assertion(
                answer,
                rp_id=self._rp_id,
                origins=self._origins,
                public_key=row.public_key,
                backup_eligible=row.backup_eligible,
            )
        except CeremonyFailed as error:
            raise _failed(error) from error
        # A key that was set up without its holder being checked does not begin to do so later:
        # whoever has found it may have given it a PIN (§7.2).
        is_verified = signed.user_verified and row.user_verified
        if purpose != "second-factor" and not is_verified and row.counter_regressed_at is None:
            raise PasskeyRefused("passkey-unverified")
        if not self._uses.note(row, signed, ip=ip):
            raise PasskeyRefused("passkey-copied")
        return ProvenPasskey(row.account_id, is_verified, row.backup_eligible)

    # On the account page

    def list(self, account_id: str) -> Sequence[WebauthnCredential]:
        """The account's passkeys, oldest first; those that may have been copied, too."""
        mine = select(WebauthnCredential).where(WebauthnCredential.account_id == account_id)
        order = WebauthnCredential.created_at, WebauthnCredential.id
        return db.session.scalars(mine.order_by(*order)).all()

    def known_to_browsers(self, account_id: str) -> dict[str, Any]:
        """What the account page tells browsers (``data-passkey-known`` of ``passkey.js``)."""
        return {
            "rpId": self._rp_id,
            "userId": _base64url(user_handle(account_id)),
            "allAcceptedCredentialIds": [row.credential_id for row in self._usable(account_id)],
        }

    def rename(self, account_id: str, credential_id: str, name: str) -> bool:
        """Give the row with that id another name; False if the account has none such."""
        with transaction() as session:
            renamed = session.execute(
                update(WebauthnCredential)
                .where(*_own(account_id, credential_id))
                .values(name=cleaned(name) or WebauthnCredential.name)
                .returning(WebauthnCredential.id)
            )
            return renamed.first() is not None

    def remove(self, account_id: str, credential_id: str) -> WebauthnCredential | None:
        """Remove the row with that id; what was removed."""
        with transaction() as session:
            row = session.scalar(
                select(WebauthnCredential).where(*_own(account_id, credential_id)).with_for_update()
            )
            if row is not None:
                session.delete(row)
                session.flush()
                session.expunge(row)
            return row

    def remove_all(self, account_id: str) -> int:
        """Remove the account's passkeys; how many there were."""
        with transaction() as session:
            mine = delete(WebauthnCredential).where(WebauthnCredential.account_id == account_id)
            return len(session.execute(mine.returning(WebauthnCredential.id)).all())

    # Answers and rows

    def _read(
        self, credential: str, purpose: Purpose, bound_to: str, account_id: str | None
    ) -> Answer:
        """Take the answer apart and use its challenge up, whatever else the answer holds."""
        try:
            answer = webauthn.read_answer(credential)
            self._challenges.redeem(answer.challenge, purpose, bound_to, account_id)
        except ExpiredChallenge as error:
            raise PasskeyRefused("passkey-expired") from error
        except (CeremonyFailed, WrongChallenge) as error:
            raise _failed(error) from error
        return answer

    def _find(self, credential_id: str) -> WebauthnCredential | None:
        by_id = WebauthnCredential.credential_digest == digest(credential_id)
        return db.session.scalar(select(WebauthnCredential).where(by_id))

    def _usable(self, account_id: str) -> Sequence[WebauthnCredential]:
        return [row for row in self.list(account_id) if row.counter_regressed_at is None]

    def _names(self, account_id: str) -> Sequence[str]:
        mine = WebauthnCredential.account_id == account_id
        return db.session.scalars(select(WebauthnCredential.name).where(mine)).all()

    def _row(self, account_id: str, new: NewCredential, name: str) -> WebauthnCredential:
        return WebauthnCredential(
            id=self._randomness.uuid(),
            account_id=account_id,
            credential_digest=digest(new.credential_id),
            name=name,
            created_at=self._clock.now(),
            last_used_at=None,
            counter_regressed_at=None,
            **asdict(new),
        )


def user_handle(account_id: str) -> bytes:
    """What passkeys keep of the account: not its id, nothing personal, the same for all time."""
    return hashlib.sha256(b"einlass/passkey-user/" + account_id.encode()).digest()


def _is_handle_of(handle: bytes | None, account_id: str, *, needed: bool) -> bool:
    if handle is None:
        return not needed
    return same(handle, user_handle(account_id))


def _purpose(account_id: str | None, verified: bool) -> Purpose:
    if account_id is None:
        return "sign-in"
    return "first-factor" if verified else "second-factor"


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _failed(error: Exception) -> PasskeyRefused:
    log.info("passkey refused: %s %s", type(error).__name__, error)
    return PasskeyRefused("passkey-failed")


def _known(rows: Sequence[WebauthnCredential]) -> Sequence[KnownCredential]:
    return [KnownCredential(row.credential_id, row.transports) for row in rows]


def _own(account_id: str, row_id: str) -> tuple[Any, Any]:
    return WebauthnCredential.account_id == account_id, WebauthnCredential.id == row_id
