"""The service that imports people, as the tests of small and of large files use it."""

from idp.core.randomness import Randomness
from idp.infra.background import Background
from idp.infra.throttle import Throttle
from idp.people.imports.service import Imports
from tests.people.house import House


def build_imports(house: House) -> tuple[Imports, Background]:
    """Over the stores of the house; its work is done by ``Background.run_once``."""
    background = Background(house.store)
    imports = Imports(
        house.settings,
        house.clock,
        Randomness(),
        house.audit,
        Throttle(house.store),
        house.tenants,
        background,
        house.arrivals.withdraw,
    )
    background.jobs.append(imports.worker.work)
    return imports, background
