from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from clients.accounting.app import create_app as accounting
from clients.hr.app import create_app as hr
from clients.payroll.app import create_app as payroll
from clients.shared.config import ProductConfig
from tests.clients_products.fake_provider import FakeProvider
from tests.clients_products.visitor import Visitor

MAKERS = {"hr": hr, "payroll": payroll, "accounting": accounting}


class Clock:
    """Now, and as much later as a test wants."""

    def __init__(self) -> None:
        self.later = 0

    def __call__(self) -> int:
        return int(time.time()) + self.later


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    yield provider
    provider.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[..., Flask]:
    """Make a product; the same name again is the same product after a restart."""

    def make(name: str, issuer: str) -> Flask:
        config = ProductConfig(
            issuer=issuer,
            client_id=f"{name}-client",
            client_secret="secret",
            base_url=f"http://{name}.localhost",
            port=0,
            data_dir=tmp_path / name,
        )
        return MAKERS[name](config, now=clock)

    return make


@pytest.fixture
def visit(make: Callable[..., Flask], fake: FakeProvider) -> Callable[[str], Visitor]:
    """A browser at one product."""
    return lambda name: Visitor(make(name, fake.issuer), name)
