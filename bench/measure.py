"""CPU time of whole process trees, from ``/proc``: the server's own and the stores' apart."""

import contextlib
import os
from dataclasses import dataclass

import psutil

_TICK = os.sysconf("SC_CLK_TCK")
_STORES = ("valkey", "redis", "postgres")


@dataclass(frozen=True)
class Cpu:
    """Milliseconds of user and system time."""

    server: float
    store: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.server - before.server, self.store - before.store)

    @property
    def total(self) -> float:
        return self.server + self.store


def tree(pids: list[int]) -> list[psutil.Process]:
    """These processes and all below them."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(pid)
            found[pid] = top
            for child in top.children(recursive=True):
                found[child.pid] = child
    return list(found.values())


def is_store(process: psutil.Process) -> bool:
    """Whether a process is Redis or PostgreSQL."""
    try:
        name = (process.name() + " " + " ".join(process.cmdline()[:1])).lower()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return any(store in name for store in _STORES)


class Meter:
    """Reads the CPU time of a fixed set of processes; dead children count with their parent."""

    def __init__(self, pids: list[int]) -> None:
        processes = tree(pids)
        self.stores = [p.pid for p in processes if is_store(p)]
        self.servers = [p.pid for p in processes if p.pid not in self.stores]

    def read(self) -> Cpu:
        """The time used so far."""
        return Cpu(sum(map(_spent, self.servers)), sum(map(_spent, self.stores)))

    def memory(self) -> dict[int, float]:
        """Resident MiB by process id, the server's own."""
        found = {}
        for pid in self.servers:
            with contextlib.suppress(psutil.NoSuchProcess):
                found[pid] = psutil.Process(pid).memory_info().rss / 2**20
        return found

    def shares(self) -> dict[int, float]:
        """MiB by process id with each shared page divided among those who share it (PSS)."""
        found = {}
        for pid in self.servers:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
                sizes = (line.split() for line in file)
                found[pid] = next(int(size[1]) for size in sizes if size[0] == "Pss:") / 1024
        return found


def _spent(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, and what reaped children used: fields 14 to 17 of proc(5).
    return sum(int(value) for value in fields[11:15]) * 1000 / _TICK
