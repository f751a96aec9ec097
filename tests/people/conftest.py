from tests.people.desk import desk  # noqa: F401 - a fixture of this folder's tests
from tests.people.house import (  # noqa: F401 - fixtures of this folder's tests
    empty_database,
    house,
    redis_url,
    settings,
    store,
)
