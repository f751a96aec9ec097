from datetime import UTC, datetime

from idp.core.clock import SystemClock, epoch, from_epoch


def test_the_system_clock_tells_aware_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC


def test_epoch_there_and_back() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert from_epoch(epoch(moment)) == moment.replace(microsecond=0)
