"""Everything that was allowed and issued, as one value for the wiring to build and pass on."""

from collections.abc import Callable

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.grants.access_tokens import AccessTokens
from idp.grants.consent import Consents
from idp.grants.endings import Endings
from idp.grants.refresh import RefreshTokens
from idp.grants.tokens import Codes
from idp.infra.audit import Audit
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.infra.sealing import Sealer
from idp.settings import Settings


class Grants:
    """``forget_person`` is ``people.snapshot.PersonDirectory.forget``."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        sealer: Sealer,
        keyring: Keyring,
        audit: Audit,
        forget_person: Callable[[str], object],
    ) -> None:
        lifetimes = settings.lifetimes
        self.endings = Endings(store, lifetimes)
        self.codes = Codes(store, clock, randomness, lifetimes)
        self.access_tokens = AccessTokens(
            store, keyring, clock, randomness, lifetimes, settings.issuer
        )
        self.refresh_tokens = RefreshTokens(clock, randomness, lifetimes, sealer)
        self.consents = Consents(
            clock, randomness, audit, self.refresh_tokens, self.endings, forget_person
        )

    def end_family(self, family: str, reason: str) -> bool:
        """End an authorization: its access tokens at once, its refresh tokens for good.

        The mark comes first: whoever begins the family at this moment sees it afterwards.
        Whether a family of refresh tokens was ended by this call.
        """
        self.endings.mark(family)
        return self.refresh_tokens.revoke_family(family, reason)

    def end_account(self, account_id: str, reason: str) -> int:
        """End every authorization of an account that has refresh tokens; how many.

        Its sessions are ended by ``authn``, which marks their ``sid``.
        """
        self.endings.mark(*self.refresh_tokens.families_of(account_id))
        return self.refresh_tokens.revoke_for_account(account_id, reason)

    def end_membership(self, account_id: str, tenant_id: str, reason: str) -> int:
        """The same for what was given for one company."""
        families = self.refresh_tokens.families_of(account_id, tenant_id=tenant_id)
        self.endings.mark(*families)
        return self.refresh_tokens.revoke_for_account(account_id, reason, tenant_id=tenant_id)
