"""What is kept in memory: bounded, and gone once something changed."""

from idp.infra.ephemeral import EphemeralStore
from idp.infra.process_cache import Recent


def test_recent_values_are_kept_in_two_generations(store: EphemeralStore) -> None:
    recent: Recent[int, str] = Recent(store, 2)
    for number in range(5):
        recent.keep(number, str(number), recent.generation)
    assert [recent.get(number) for number in range(5)] == [None, None, "2", "3", "4"]


def test_a_change_anywhere_makes_them_stale(store: EphemeralStore) -> None:
    recent: Recent[int, str] = Recent(store, 2)
    store.fetch()
    recent.keep(1, "one", recent.generation)
    store.bump_caches()
    assert recent.get(1) is None


def test_what_was_begun_before_a_change_is_not_kept(store: EphemeralStore) -> None:
    recent: Recent[int, str] = Recent(store, 2)
    store.fetch()
    before = recent.generation
    store.bump_caches()
    recent.keep(1, "one", before)
    assert recent.get(1) is None
