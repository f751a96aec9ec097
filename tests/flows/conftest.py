"""What only the browser tests share: one Chromium, one running demo."""

from collections.abc import Iterator

import pytest

from tests.support.browser import Chromium
from tests.support.demo import Demo


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The system's Chromium, or the test is skipped by name."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """What ``make run`` starts, on ports of its own."""
    running = Demo()
    try:
        yield running.start()
    finally:
        running.close()
