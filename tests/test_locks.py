"""Locks between real processes: nothing here is simulated but the fall-back without OFD locks."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from psweep_nb import locks
from psweep_nb.locks import FileLock, is_held

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes by fork and pass_fds")


@pytest.fixture(params=[True, False], ids=["ofd", "flock"], autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Both kinds of lock; the child processes get the same one."""
    if request.param and sys.platform != "linux":
        pytest.skip("OFD locks are Linux's")
    monkeypatch.setattr(locks, "_OFD", request.param)
    yield request.param
    assert not locks._open_locks, "a test left a lock open"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def child(code: str, kind: bool, **kwargs: object) -> "subprocess.Popen[bytes]":
    """A process that runs `code`, prints lines and waits for its stdin where it says so."""
    head = f"import sys; from psweep_nb import locks; locks._OFD = {kind}\n"
    head += "say = lambda *a: print(*a, flush=True)\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # a line that waits in a buffer is not seen by select
        **kwargs,  # type: ignore[call-overload]
    )


def line(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 20)[0], "the child said nothing"
    return process.stdout.readline().decode().strip()


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def test_a_taken_lock_is_refused_to_others_and_to_itself(path: Path) -> None:
    lock = FileLock(path)
    assert lock.try_acquire() and lock.held
    assert not lock.try_acquire()
    assert not FileLock(path).try_acquire()
    assert not FileLock(path).try_acquire(shared=True)
    lock.release()
    lock.release()
    assert not lock.held
    other = FileLock(path)
    assert other.try_acquire()
    other.release()


def test_shared_locks_get_along_and_keep_an_exclusive_one_out(path: Path) -> None:
    one, two, three = FileLock(path), FileLock(path), FileLock(path)
    assert one.try_acquire(shared=True) and two.try_acquire(shared=True)
    assert not three.try_acquire()
    assert is_held(path)
    one.release()
    assert not three.try_acquire()
    two.release()
    assert three.try_acquire()
    three.release()


def test_acquire_waits_and_gives_up(path: Path) -> None:
    lock, other = FileLock(path), FileLock(path)
    assert lock.acquire(0)
    begin = time.monotonic()
    assert not other.acquire(0.1)
    assert time.monotonic() - begin >= 0.1
    timer = threading.Timer(0.05, lock.release)
    timer.start()
    assert other.acquire(20)
    timer.join()
    other.release()


def test_a_missing_file_is_not_held_and_not_made(path: Path) -> None:
    assert not is_held(path)
    assert not is_held(path / "below")
    assert not path.exists()


def test_a_missing_directory_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(path / "lock").try_acquire()


def test_fileno_of_a_free_lock_is_an_error(path: Path) -> None:
    with pytest.raises(ValueError, match="not held"):
        FileLock(path).fileno()


def test_content_stays(path: Path) -> None:
    path.write_text("content")
    lock = FileLock(path)
    assert lock.try_acquire()
    lock.release()
    assert path.read_text() == "content"


def test_a_file_that_was_replaced_is_locked_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = locks._lock
    removed: list[bool] = []

    def remove_first(fd: int, shared: bool) -> bool:
        if not removed:
            removed.append(True)
            path.unlink()
        return real(fd, shared)

    monkeypatch.setattr(locks, "_lock", remove_first)
    lock = FileLock(path)
    assert lock.try_acquire() and removed
    assert is_held(path)
    lock.release()


def test_a_read_only_file_can_be_asked_for(path: Path, kind: bool) -> None:
    path.touch(0o400)
    if not kind and os.geteuid() != 0:
        pytest.skip("asking by flock opens the file for writing")
    assert not is_held(path)


def test_sigkill_frees(path: Path, kind: bool) -> None:
    process = child(
        f"l = locks.FileLock({str(path)!r}); say(l.try_acquire()); sys.stdin.read()", kind
    )
    try:
        assert line(process) == "True"
        assert is_held(path)
        assert not FileLock(path).try_acquire()
        os.kill(process.pid, signal.SIGKILL)
        lock = FileLock(path)
        assert lock.acquire(5)
        lock.release()
    finally:
        end(process)


def test_handing_over_has_no_gap(path: Path, kind: bool) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    seen: list[bool] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(is_held(path))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        fd = lock.fileno()
        code = f"l = locks.FileLock.inherit({fd}); say(l.held); sys.stdin.readline(); l.release()"
        process = child(code + "; say('released'); sys.stdin.read()", kind, pass_fds=[fd])
        lock.release()
        assert line(process) == "True"
        assert not FileLock(path).try_acquire()
    finally:
        stop.set()
        watcher.join()
    try:
        assert seen and all(seen)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert line(process) == "released"
        assert not is_held(path)
    finally:
        end(process)


def test_an_heir_does_not_pass_it_on_by_itself(path: Path, kind: bool) -> None:
    """Neither exec nor fork carries the lock further than it was handed."""
    lock = FileLock(path)
    assert lock.try_acquire()
    fd = lock.fileno()
    code = f"""
        import os, subprocess
        lock = locks.FileLock.inherit({fd})
        subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], close_fds=False)
        if not os.fork():
            sys.stdin.read()
            os._exit(0)
        say("ready")
        os._exit(0)
    """
    process = child(code, kind, pass_fds=[fd])
    try:
        lock.release()
        assert line(process) == "ready"
        other = FileLock(path)
        assert other.acquire(5), "a grandchild still holds the lock"
        other.release()
    finally:
        # Ends the grandchildren too: they read the pipe.
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


def test_a_forked_child_that_lives_on_does_not_hold_it(path: Path, kind: bool) -> None:
    code = f"""
        import os
        lock = locks.FileLock({str(path)!r})
        say(lock.try_acquire())
        pid = os.fork()
        if not pid:
            say(lock.held, locks.is_held({str(path)!r}), lock.try_acquire())
            sys.stdin.read()
            os._exit(0)
        os.waitpid(pid, 0)
    """
    process = child(code, kind)
    try:
        assert line(process) == "True"
        assert line(process) == "False True False"
        assert process.stdin is not None and process.stdout is not None
        process.kill()  # its child lives on: it waits for the end of stdin
        process.wait(20)
        assert not select.select([process.stdout], [], [], 0)[0], "the child has ended"
        assert not is_held(path)
        lock = FileLock(path)
        assert lock.try_acquire()
        lock.release()
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()


def test_a_fork_while_other_threads_lock(path: Path, kind: bool) -> None:
    """A child keeps no descriptor that another thread was opening, and delays no release."""
    stop = threading.Event()

    def work() -> None:
        mine = path.with_name(f"lock-{threading.get_ident()}")
        while not stop.is_set():
            lock = FileLock(mine)
            assert lock.try_acquire()
            is_held(mine)
            lock.release()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    leaks = 0
    for _ in range(50):
        pid = os.fork()
        if not pid:
            kept = 0
            for fd in range(3, 64):
                with contextlib.suppress(OSError):
                    kept += "lock-" in os.readlink(f"/proc/self/fd/{fd}")
            os._exit(min(kept, 100))
        leaks += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    stop.set()
    for thread in threads:
        thread.join()
    assert leaks == 0


def test_asking_never_makes_an_acquire_fail(path: Path, kind: bool) -> None:
    if not kind:
        pytest.skip("without OFD locks asking takes the lock for a moment")
    path.touch()
    code = f"""
        say("ready")
        while True:
            locks.is_held({str(path)!r})
    """
    process = child(code, kind)
    try:
        assert line(process) == "ready"
        lock = FileLock(path)
        for _ in range(3000):
            assert lock.try_acquire()
            lock.release()
            assert lock.try_acquire(shared=True)
            lock.release()
    finally:
        end(process)


def test_processes_exclude_each_other(path: Path, kind: bool, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    code = f"""
        lock = locks.FileLock({str(path)!r})
        for _ in range(50):
            assert lock.acquire(60)
            with open({str(counter)!r}, "r+") as file:
                number = int(file.read())
                file.seek(0)
                file.write(str(number + 1))
            lock.release()
    """
    processes = [child(code, kind) for _ in range(3)]
    assert [p.wait(60) for p in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert counter.read_text() == "150"
