"""How many passwords may be tried, without handing strangers a lock (security rule 9).

Three counters bound guesses from browsers that never signed in to the account: account from one
network, one network over all accounts, the account from anywhere. A browser known to the account
has a counter of its own, so guesses from elsewhere cannot keep its owner out. Unknown addresses
are counted like known ones, so the answer tells nothing.
"""

import ipaddress
from collections.abc import Callable

from idp.core.randomness import digest
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.settings import LimitSettings

_ELSEWHERE_LIMIT = 100
_HOUR = 3600


class PasswordGuesses:
    """The counters around one password check."""

    def __init__(self, throttle: Throttle, limits: LimitSettings, audit: Audit) -> None:
        self._throttle = throttle
        self._audit = audit
        self.on_guessing: list[Callable[[str], object]] = []
        per_account, window = limits.password_per_account, limits.window
        self._known_browser = Limit("password-known-browser", per_account, window)
        self._account_network = Limit("password-account-network", per_account, window)
        self._network = Limit("password-network", limits.password_per_network, window)
        self._elsewhere = Limit("password-account", _ELSEWHERE_LIMIT, _HOUR)

    def begin(self, email: str, ip: str | None, *, browser_known: bool) -> None:
        """Count one try before its outcome is known, so parallel ones cannot slip through.

        Raises ``Throttled``.
        """
        account, network = digest(email), network_of(ip)
        if browser_known:
            self._throttle.attempt(self._known_browser, account)
            return
        self._throttle.admit(
            (self._account_network, account, network),
            (self._network, network),
            (self._elsewhere, account),
        )

    def failed(
        self, email: str, ip: str | None, *, browser_known: bool, subject: str | None
    ) -> None:
        """The try was wrong: it counts for the network and the account as well.

        ``subject`` is whose password was tried, if anybody's. The one try that fills the
        account's own count is told to ``on_guessing``.
        """
        filled = False
        if not browser_known:
            self._throttle.hit(self._network, network_of(ip))
            filled = self._throttle.hit(self._elsewhere, digest(email)) == self._elsewhere.limit
        with transaction():
            self._note("sign_in.password_wrong", subject, ip)
            if filled and subject is not None:
                self._note("sign_in.guessing", subject, ip)
                for hook in self.on_guessing:
                    hook(subject)

    def uncount(self, email: str, ip: str | None, *, browser_known: bool) -> None:
        """Nobody could say whether the try was right: it was none."""
        if browser_known:
            self._throttle.give_back(self._known_browser, digest(email))
        else:
            self._throttle.give_back(self._account_network, digest(email), network_of(ip))

    def _note(self, event: str, subject: str | None, ip: str | None) -> None:
        self._audit.record(event, category="sign-in", subject=subject, ip=ip, outcome="failure")

    def succeeded(self, email: str, ip: str | None, *, browser_known: bool) -> None:
        """The right password ends the count of this browser's way in, not that of others."""
        if browser_known:
            self._throttle.clear(self._known_browser, digest(email))
        else:
            self._throttle.clear(self._account_network, digest(email), network_of(ip))


class Lookups:
    """How many addresses one network may ask for at sign-in before it is told nothing any more."""

    def __init__(self, throttle: Throttle, limits: LimitSettings) -> None:
        self._throttle = throttle
        self._unknown = Limit("unknown-addresses", limits.lookups, _HOUR)

    def may_tell(self, ip: str | None, *, known: bool) -> bool:
        """Whether the answer may differ for known and unknown addresses.

        Only unknown ones count: they are what somebody who tries out addresses meets. Past the
        limit the answer has to be that of an installation that hides its accounts.
        """
        network = network_of(ip)
        if not known:
            return self._throttle.hit(self._unknown, network) <= self._unknown.limit
        try:
            self._throttle.check(self._unknown, network)
        except Throttled:
            return False
        return True


def network_of(ip: str | None) -> str:
    """What one guesser can hold: an IPv4 address, or an IPv6 /64."""
    if not ip:
        return "unknown"
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
