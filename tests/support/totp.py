"""An authenticator app: codes that are never used twice."""

import time

import pyotp


class Totp:
    """Codes for a key, each time step at most once, waiting when none is left."""

    def __init__(self, secret: str) -> None:
        self.secret = secret.replace(" ", "").upper()
        self._app = pyotp.TOTP(self.secret)
        self._last = 0

    def at(self, step: int) -> str:
        """The code of one time step (thirty seconds since 1970)."""
        return self._app.at(step * 30)

    def code(self) -> str:
        """A code not given before: the last, this, or the next step's (clocks may be off)."""
        while True:
            now = time.time()
            step, into = int(now // 30), now % 30
            # The last step's code is only taken while it stays acceptable for some time yet.
            for candidate in range(step - 1 if into < 15 else step, step + 2):
                if candidate > self._last:
                    self._last = candidate
                    return self.at(candidate)
            time.sleep(30 - into + 0.05)

    def used(self, step: int) -> None:
        """Note a step spent elsewhere."""
        self._last = max(self._last, step)

    def wrong(self) -> str:
        """A code that is none of the acceptable ones."""
        step = int(time.time() // 30)
        near = {self.at(s) for s in range(step - 3, step + 4)}
        return next(c for c in (f"{n:06d}" for n in range(1, 100)) if c not in near)
