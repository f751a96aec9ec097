"""The processes of ``idp serve``: they end with their parent, so that ``kill -9`` leaves no orphan,
and give back the memory they do not need.
"""

import ctypes
import gc
import os
import signal
import threading


def stop_with_parent(interval: float = 0.5) -> None:
    """End this process with SIGTERM soon after its parent is gone.

    A thread compares the parent's id every ``interval`` seconds; that works on every Unix, unlike
    Linux's parent-death signal, which also fires when only the parent's *thread* ends.
    """
    parent = os.getppid()

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


def settle() -> None:
    """To be called once everything that lasts is made: give back what making it has left behind."""
    gc.collect()
    gc.freeze()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
