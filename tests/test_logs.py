"""What psets print: put where it was asked for, and never more of it than there is room for."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psweep_nb import Run, Study, logs, run_local
from psweep_nb.executors import local_slots
from psweep_nb.logs import KEPT, Kept, read_log, trim
from psweep_nb.printing import Printed
from tests.waiting import until

A4 = [{"a": a} for a in range(4)]


def texts_of(study: Study, run: Run) -> list[str]:
    """The files of a run's psets."""
    return [(study.path / i / logs.LOGS).read_text() for i in run.df["_pset_id"]]


# -- capture_logs ----------------------------------------------------------------------------


def talkative(a: int) -> dict[str, int]:
    import sys

    if a == 1:
        return {}
    print("out", a)
    print("err", a, file=sys.stderr)
    if a == 3:
        raise ValueError("no more")
    return {"twice": 2 * a}


SAID = ["out 0\nerr 0\n", "", "out 2\nerr 2\n", "out 3\nerr 3\n"]


@pytest.mark.parametrize("where", ["db", "file", "db+file"])
def test_logs_go_where_they_are_wanted(
    execute: Callable[..., Run], study: Study, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = execute(talkative, A4, capture_logs=where)
    df = run.df
    assert df["_failed"].tolist() == [False, False, False, True]
    assert df["twice"].tolist()[::2] == [0, 4]
    if "db" in where:
        assert df["_logs"].tolist() == SAID
    else:
        assert "_logs" not in df
    if "file" in where:
        assert texts_of(study, run) == SAID
    else:
        assert not any((study.path / i).exists() for i in df["_pset_id"])
    run.view.poll()
    records = [run.view.record(i) for i in range(4)]
    assert [record.log() for record in records if record] == SAID
    assert [record.results for record in records if record] == [{"twice": 0}, {}, {"twice": 4}, {}]
    assert "out" not in capsys.readouterr().out, "and not on the screen"
    print("still here")
    assert capsys.readouterr().out == "still here\n"


def test_by_default_output_is_left_alone(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(talkative, A4[:3])
    assert capsys.readouterr() == ("out 0\nout 2\n", "err 0\nerr 2\n")
    assert "_logs" not in study.df


@pytest.mark.parametrize("harm", ["exit", "hang"])
def test_last_words_of_a_worker_are_kept(study: Study, harm: str) -> None:
    def func(a: int) -> int:
        import os
        import time

        print("begin", a, flush=True)
        if a == 1:
            os._exit(3) if harm == "exit" else time.sleep(60)
        return a

    timeout = 0.5 if harm == "hang" else None
    run = study.submit(func, A4[:3], capture_logs="db+file", timeout=timeout)
    assert run.wait(30).failed == 1
    said = [f"begin {a}\n" for a in range(3)]
    assert run.df["_logs"].tolist() == texts_of(study, run) == said
    assert run.failures[0].log() == said[1]


def test_the_log_of_the_last_attempt(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        from pathlib import Path

        tried = Path(folder) / f"tried-{a}"
        print("again" if tried.exists() else "a first time, which is longer")
        if not tried.exists():
            tried.touch()
            raise RuntimeError("once more")
        return a

    run = study.submit(func, A4[:2], retries=1, capture_logs="db+file")
    assert run.wait(30).done == 2
    assert run.df["_logs"].tolist() == texts_of(study, run) == ["again\n"] * 2


def test_workers_catch_child_processes_too(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        import os

        os.system(f"echo child of {a}")
        return {}

    df = study.run(func, A4[:2], workers=1, capture_logs="db")
    assert df["_logs"].tolist() == ["child of 0\n", "child of 1\n"]


def test_run_local_has_it_without_saving_too(capsys: pytest.CaptureFixture[str]) -> None:
    df = run_local(talkative, A4[:3], save=False, capture_logs="db+file")
    assert df["_logs"].tolist() == SAID[:3]
    assert not Path("calc").exists()


def test_a_log_that_cannot_be_written_loses_no_result(study: Study) -> None:
    def func(pset: dict[str, Any]) -> dict[str, int]:
        (study.path / pset["_pset_id"]).touch()  # a file where the directory should be
        print("x")
        return {"b": pset["a"]}

    df = study.run(func, A4, capture_logs="db+file")
    assert df["b"].tolist() == [0, 1, 2, 3]
    assert df["_logs"].tolist() == ["x\n"] * 4


def test_very_much_output_is_kept_in_part(execute: Callable[..., Run], study: Study) -> None:
    def func(a: int) -> int:
        print("begin")
        for _ in range(3000):
            print("x" * 1000)
        print("end")
        return a

    run = execute(func, A4[:2], capture_logs="db+file")
    for text in [*run.df["_logs"], *texts_of(study, run)]:
        assert text.startswith("begin\nxxx")
        assert text.endswith("xxx\nend\n")
        assert "left out ...\n" in text
        assert KEPT < len(text) < KEPT + 100


def test_strange_text(study: Study) -> None:
    def func(a: int) -> int:
        print("\udc80 é \x00")
        return a

    study.run(func, A4[:1], capture_logs="db+file")
    (path,) = study.path.glob("*/logs.txt")
    assert path.read_text() == "? é \x00\n"


# -- the logs of workers are bounded ---------------------------------------------------------


def test_output_without_end_does_not_fill_the_disk(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import subprocess
        from pathlib import Path

        if a == 0:
            print("before")
            return a
        print("begin", flush=True)
        # A child, which knows nothing of us; half a gigabyte.
        subprocess.run("yes 0123456789abcde | head -c 512M; echo end", shell=True, check=True)
        (Path(folder) / "printed").touch()
        while not (Path(folder) / "go").exists():
            pass
        return a

    run = study.submit(func, A4[:2], workers=1)
    (log,) = until(lambda: list(run.folder.path.rglob("w0.log")))
    largest = 0
    while not (tmp_path / "printed").exists():
        largest = max(largest, log.stat().st_size)
    until(lambda: log.stat().st_size <= local_slots.LOUD)
    (tmp_path / "go").touch()
    assert run.wait(60).done == 2
    assert largest < 400e6
    assert log.stat().st_size < KEPT + 100
    before, text = (run.view.record(i).log() for i in range(2))  # type: ignore[union-attr]
    assert before == "before\n"
    assert text.startswith("begin\n0123456789abcde\n")
    assert text.endswith("0123456789abcde\nend\n")
    left_out = int(text.partition("\n... ")[2].partition(" bytes left out")[0])
    total = len("begin\n") + 2**29 + len("end\n")
    assert left_out <= total - KEPT, "what came while the log was cut may be missing in the count"
    assert left_out > 0.5 * total


def test_a_setup_that_prints_without_end(study: Study) -> None:
    def setup() -> int:
        import os

        os.system("yes | head -c 100M")
        return 1

    run = study.submit(lambda a, setup: setup, A4, setup=setup)
    assert run.wait(60).done == 4
    (log,) = run.folder.path.rglob("w0.log")
    assert log.stat().st_size < local_slots.LOUD + KEPT + 100


def test_a_log_that_somebody_deletes(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import time
        from pathlib import Path

        print("x" * 1_000_000)
        (Path(folder) / f"began-{a}").touch()
        while not (Path(folder) / "go").exists():
            time.sleep(0.002)
        if a == 1:
            __import__("os")._exit(1)
        return a

    run = study.submit(func, A4, capture_logs="db", workers=1)
    until((tmp_path / "began-0").exists)
    (log,) = run.folder.path.rglob("w0.log")
    log.unlink()
    (tmp_path / "go").touch()
    status = run.wait(30)
    assert (status.done, status.failed) == (3, 1)
    assert run.df["_logs"].tolist()[:2] == ["", ""]


chunks = st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=12)


@given(st.binary(max_size=9), chunks)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trimming_keeps_both_ends_and_counts(
    tmp_path: Path, before: bytes, chunks: list[tuple[bytes, bool]]
) -> None:
    path = tmp_path / "log"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("HEAD", 6), ("TAIL", 10), ("KEPT", 16)):
            patch.setattr(logs, name, value)
        path.write_bytes(before)
        written = b""
        for chunk, cut in [*chunks, (b"", True)]:
            with path.open("ab") as file:
                file.write(chunk)
            written += chunk
            if cut:
                assert trim(path, len(before)) == path.stat().st_size
        found = path.read_bytes()
        assert found.startswith(before)
        if len(written) <= 16:
            expected = written
        else:
            line = b"\n... %d bytes left out ...\n" % (len(written) - 16)
            expected = written[:6] + line + written[-10:]
        # What was cut once has its line, be it that nothing was left out then.
        assert found[len(before) :] == expected


@given(st.lists(st.text(max_size=40), max_size=12))
def test_text_is_kept_like_that_too(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("HEAD", 6), ("TAIL", 10), ("KEPT", 16)):
            patch.setattr(logs, name, value)
        kept, whole = Kept(), "".join(texts)
        for text in texts:
            kept.write(text)
        line = f"\n... {len(whole) - 16} characters left out ...\n"
        assert kept.take() == (whole if len(whole) <= 16 else whole[:6] + line + whole[-10:])
        assert kept.take() == ""


def test_reading_only_the_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one two three")
    assert read_log(tmp_path / "log", 4, most=5) == "three"
    assert read_log(tmp_path / "log", 4, 7) == "two"
    assert read_log(tmp_path / "log", 40) == read_log(tmp_path / "none") == ""


# -- catching what a thread prints -----------------------------------------------------------


def test_other_threads_print_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def catch() -> None:
        with Printed() as printed:
            print("caught")
            meet.wait()
            meet.wait()
            print("this, too")
        said.append(printed.take())

    meet = threading.Barrier(2, timeout=20)
    thread = threading.Thread(target=catch)
    before = sys.stdout, sys.stderr
    thread.start()
    meet.wait()
    print("not caught")
    sys.stderr.writelines(["nor ", "this\n"])
    meet.wait()
    thread.join()
    assert said == ["caught\nthis, too\n"]
    assert capsys.readouterr() == ("not caught\n", "nor this\n")
    assert (sys.stdout, sys.stderr) == before, "put back"


def test_streams_are_put_back_whatever_happens() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(RuntimeError), Printed():
        raise RuntimeError
    with Printed() as outer:
        with Printed() as inner:
            print("inner")
        print("outer")
    assert (outer.take(), inner.take()) == ("outer\n", "inner\n")
    assert (sys.stdout, sys.stderr) == before


def test_without_a_stdout() -> None:
    code = (
        "import sys; sys.stdout = None\n"
        "from psweep_nb.printing import Printed\n"
        "with Printed() as printed: print('x', flush=True)\n"
        "assert printed.take() == 'x\\n' and sys.stdout is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
