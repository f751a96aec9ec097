from collections.abc import Iterator
from typing import Any

import pytest

from tests.protocol.world import World, world_in


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def grants_world(request: Any, tmp_path_factory: Any) -> Iterator[World]:
    """The same stores on both databases."""
    url = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.new_database())
    with world_in(tmp_path_factory.mktemp("g"), url) as world:
        yield world


@pytest.fixture
def world(grants_world: World) -> Iterator[World]:
    """The stores, within an application context."""
    with grants_world.app.app_context():
        grants_world.reset()
        yield grants_world
