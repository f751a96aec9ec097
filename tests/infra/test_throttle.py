from concurrent.futures import ThreadPoolExecutor

import pytest

from idp.infra.ephemeral import EphemeralStore
from idp.infra.throttle import Limit, Throttle, Throttled

RULE = Limit("password", 3, 60)


def test_the_limit_is_reached_and_forgotten(store: EphemeralStore) -> None:
    throttle = Throttle(store)
    for n in (1, 2, 3):
        throttle.check(RULE, "anna")
        assert throttle.hit(RULE, "anna") == n
    with pytest.raises(Throttled) as refused:
        throttle.check(RULE, "anna")
    assert 0 < refused.value.retry_after <= 60
    assert refused.value.rule is RULE
    throttle.check(RULE, "erik")
    throttle.check(Limit("code", 3, 60), "anna")
    throttle.clear(RULE, "anna")
    throttle.check(RULE, "anna")


def test_of_many_tries_few_are_told_and_none_is_lost(store: EphemeralStore) -> None:
    throttle = Throttle(store)
    told = [throttle.to_tell(RULE, "anna") for _ in range(25)]
    assert [n for n, times in enumerate(told, 1) if times] == [1, 10]
    assert (told[0], told[9]) == (1, 9)
    assert throttle.to_tell(RULE, "erik") == 1
    throttle.clear(RULE, "anna")  # as the end of the window does
    assert throttle.to_tell(RULE, "anna") == 16, "fifteen since the tenth, and this one"


def test_parts_do_not_run_together(store: EphemeralStore) -> None:
    throttle = Throttle(store)
    assert throttle.key(RULE, "ab", "c") != throttle.key(RULE, "a", "bc")
    assert "anna@nord.example" not in throttle.key(RULE, "anna@nord.example")


def test_fifty_tries_at_once_are_fifty(store: EphemeralStore) -> None:
    throttle = Throttle(store)

    def attempt(_: int) -> bool:
        try:
            throttle.attempt(RULE, "anna")
        except Throttled:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(50))) == RULE.limit
