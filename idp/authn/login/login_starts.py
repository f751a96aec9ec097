"""How many logins one network may begin.

Each is a record in Redis for as long as a login may take, made by whoever opens the authorization
endpoint; so one network gets enough for all the people behind it and no more.
"""

from idp.accounts.guessing import network_of
from idp.infra.throttle import Limit, Throttle
from idp.settings import LimitSettings


class LoginStarts:
    """Counts login transactions as they begin."""

    def __init__(self, throttle: Throttle, limits: LimitSettings) -> None:
        self._throttle = throttle
        self._limit = Limit("login-starts", limits.login_starts, limits.window)

    def check(self, ip: str) -> None:
        """Count one more; raises ``Throttled``."""
        self._throttle.attempt(self._limit, network_of(ip))
