"""Codes that are sent as a second factor or to prove a number: SMS, voice call, e-mail (M3).

Called at sign-in, at forced enrolment and by the account page. A code is for one account, factor
and purpose; another one for the same is its end. It has six digits, so it is kept as a keyed
digest, dies at the fifth wrong try and is used up by an atomic take (NIST SP 800-63B-4 §3.1.3).
"""

from typing import Literal

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.settings import Settings

Checked = Literal["right", "wrong", "expired"]


class SendRefused(Exception):
    """No code was sent; ``code`` is what to translate, ``retry_after`` is in seconds (0: never).

    ``resend-too-soon``, ``too-many-codes``, ``unavailable``, ``phone-invalid``, ``phone-refused``
    (premium and the like), ``phone-no-texts`` (a landline: only a call reaches it).
    """

    def __init__(self, code: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class SentCodes:
    """Sends and checks them."""

    def __init__(
        self,
        settings: Settings,
        store: EphemeralStore,
        randomness: Randomness,
        sealer: Sealer,
        clock: Clock,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
    ) -> None:
        raise NotImplementedError

    def send(
        self,
        account_id: str,
        factor: Factor,
        address: str,
        purpose: str,
        *,
        locale: str,
        given_name: str = "",
        again: bool = False,
    ) -> None:
        """Send a new code to a number in E.164 form or an e-mail address.

        A code for the same that is on its way there stays good and nothing is sent, unless
        ``again``: the person asks for another. ``purpose`` names what it is for: a login
        transaction, a session's enrolment. Raises :class:`SendRefused`.
        """
        raise NotImplementedError

    def sent_to(self, account_id: str, factor: Factor, purpose: str) -> str:
        """The address that a code for this is on its way to; empty where there is none."""
        raise NotImplementedError

    def check(
        self, account_id: str, factor: Factor, purpose: str, code: str, *, address: str = ""
    ) -> Checked:
        """Use the code up: ``right`` for one caller; ``expired`` also after five wrong tries.

        ``address``: only a code that was sent there counts. Give it wherever an address is about
        to be confirmed, else a code for another one would do.
        """
        raise NotImplementedError
