"""Who is behind a login transaction: nobody yet, somebody, somebody else.

Called by the forms that say so. Each change of person begins a new ``round``, so that what another
tab was about to prove, choose or set up for the one before is dropped.
"""

from dataclasses import replace

from idp.authn.facts import Proof
from idp.authn.login.transaction import LoginTransaction


def start_over(tx: LoginTransaction) -> LoginTransaction:
    """Nobody is identified; what was proven for somebody else counts no more."""
    return replace(
        tx,
        email="",
        address="",
        passkey_known=False,
        prefer_password=False,
        registration=None,
        subject=None,
        round=tx.round + 1,
        proofs=(),
        continued=False,
        tenant_id=None,
        selected=None,
        listing=False,
        lost=False,
        enrolling=None,
        enroll_to=None,
        postponed=False,
        not_yet=False,
        agreed=False,
        remember_device=False,
        totp_secret=None,
        recovery_codes=None,
    )


def identified(tx: LoginTransaction, subject: str, proof: Proof) -> LoginTransaction:
    """Somebody has proven who they are. To another person than before nothing is carried over."""
    if tx.subject == subject:
        return replace(tx, proofs=(*tx.proofs, proof))
    return replace(
        start_over(tx),
        email=tx.email,
        address=tx.address,
        passkey_known=tx.passkey_known,
        prefer_password=tx.prefer_password,
        subject=subject,
        proofs=(proof,),
    )
