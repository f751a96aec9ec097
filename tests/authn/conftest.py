from tests.authn.door import door  # noqa: F401 - fixtures of this folder's tests
from tests.authn.passkey_desk import desk, key  # noqa: F401 - fixtures of this folder's tests
from tests.people.house import (  # noqa: F401 - fixtures of this folder's tests
    empty_database,
    house,
    redis_url,
    settings,
    store,
)
