from tests.people.house import (  # noqa: F401 - fixtures of this folder's tests
    empty_database,
    redis_url,
    settings,
    store,
)
