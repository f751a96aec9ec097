"""The one clock: aware UTC, handed to whoever needs the time (style: one clock).

Nothing else in the package may ask the system for the time; tests hand in a clock they set.
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; an aware UTC value."""

    def now(self) -> datetime:
        """The present moment."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment by the machine's clock."""
        return datetime.now(UTC)


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970, as JWT NumericDate wants them (RFC 7519 §2)."""
    return int(moment.timestamp())


def from_epoch(seconds: float) -> datetime:
    """The aware UTC moment of a NumericDate."""
    return datetime.fromtimestamp(seconds, UTC)
