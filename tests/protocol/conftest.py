from collections.abc import Iterator
from typing import Any

import pytest

from tests.protocol.world import World, world_in


@pytest.fixture(scope="session")
def protocol_world(tmp_path_factory: Any) -> Iterator[World]:
    """One server for all tests here; each has people and clients of its own."""
    with world_in(tmp_path_factory.mktemp("w")) as world:
        yield world


@pytest.fixture
def world(protocol_world: World) -> Iterator[World]:
    """The server, within an application context."""
    with protocol_world.app.app_context():
        protocol_world.reset()
        yield protocol_world
