"""The processes of ``idp serve``: they end with their parent, so that ``kill -9`` leaves no orphan,
share what the first of them has loaded, and give back the memory they do not need.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path


def stop_with_parent(parent: int | None = None, interval: float = 0.5) -> None:
    """End this process with SIGTERM soon after its parent is gone.

    ``parent``: its id, told by itself; without it, a parent that was gone before this call is not
    missed.

    A thread compares the parent's id every ``interval`` seconds; that works on every Unix, unlike
    Linux's parent-death signal, which also fires when only the parent's *thread* ends.
    """
    parent = parent or os.getppid()

    def watch() -> None:
        waiting = threading.Event()
        while not waiting.wait(interval):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                if waiting.wait(10):
                    return
                os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """To be called before the process has any thread; its children inherit it.

    glibc gives every thread a heap of its own, and each keeps the 19 MiB of the last password that
    was hashed in it; with one heap for all, the next hash takes what the last one left. Threads of
    Python seldom allocate at the same time, so they do not wait for each other either. Other C
    libraries have no such call and no such habit.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


@contextmanager
def loading() -> Iterator[None]:
    """Around the import of an application, which leaves next to no garbage: none is looked for.

    What was loaded is then left out of every later search too, so that no search in a copy of this
    process touches the pages it shares with it (``settle``).
    """
    gc.disable()
    try:
        yield
        settle()
    finally:
        gc.enable()


class Child:
    """A process beside this one: a copy of it that calls ``work``, else ``command`` by itself.

    Both are told this process's id, for ``stop_with_parent``: ``work`` as its argument, ``command``
    as its last word. A copy has everything loaded that this process has, and shares its memory
    until either changes it. Where processes do not copy themselves by default (macOS, Python 3.14),
    and for one that replaces another while threads run here (``afresh``), it is a new interpreter.
    """

    def __init__(
        self, work: Callable[[int], object], command: Sequence[str], folder: Path, *, afresh: bool
    ) -> None:
        self._process: BaseProcess | subprocess.Popen[bytes]
        if afresh or multiprocessing.get_start_method() != "fork":
            words = [*command, str(os.getpid())]
            self._process = subprocess.Popen(words, cwd=folder)  # noqa: S603 - our own
        else:
            self._process = multiprocessing.get_context("fork").Process(
                target=work, args=(os.getpid(),)
            )
            self._process.start()

    def wait(self) -> int | None:
        """Wait for its end; its exit status, negative for a signal."""
        if isinstance(self._process, BaseProcess):
            self._process.join()
            return self._process.exitcode
        return self._process.wait()

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


def settle() -> None:
    """To be called once everything that lasts is made: give back what making it has left behind."""
    gc.collect()
    gc.freeze()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
