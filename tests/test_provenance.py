"""Where results come from: what is kept of each session, and what never is."""

import json
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psweep_nb import Run, Study, provenance, run_local
from psweep_nb.functions.imports import imported_by
from psweep_nb.gitstate import look
from tests import workloads


def root(a: int) -> dict[str, float]:
    return {"root": float(np.sqrt(a))}


root.__module__ = "__main__"  # as in a notebook: this file is in a work tree, too


@pytest.fixture
def repo(own_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree, with the working directory as its top."""
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    Path("model.py").write_text("x = 1\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return own_directory


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def done(study: Study, func: Any = root, **options: Any) -> Run:
    study.run(func, [{"a": 1}, {"a": 4}], **options)
    provenance.settle()
    return study.run_of(-1)


def test_what_is_kept_of_a_run(study: Study) -> None:
    before = datetime.now(UTC)
    run = done(study, label="first", workers=2, timeout=9.0)
    [said] = run.provenance
    assert said.kind == "submit"
    assert said.end is not None
    assert before <= said.start <= said.end <= datetime.now(UTC)
    assert said.host == run.spec.host
    assert (said.label, said.function, said.workers) == ("first", "root", 2)
    assert said.options["timeout"] == 9.0
    assert said.python == ".".join(map(str, sys.version_info[:3]))
    assert said.packages["numpy"] == np.__version__
    assert "pandas" not in said.packages
    assert said.git is None
    assert "submit of root, 2 workers on " in str(said)
    assert f"numpy {np.__version__}" in str(said)


def test_each_session_has_its_own(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in (1, 2)]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    (tmp_path / "fixed").touch()
    run = study.run_of(-1).retry(workers=1)
    run.wait(60)
    provenance.settle()
    assert [said.kind for said in run.provenance] == ["submit", "retry"]
    assert all(said.end and said.python for said in run.provenance)
    assert run.provenance[0].start < run.provenance[1].start


def test_commit_changes_and_what_git_does_not_know(repo: Path, study: Study) -> None:
    Path("model.py").write_text("x = 2\n")
    Path("new file.py").touch()
    found = done(study).provenance[0].git
    assert found is not None
    assert found.folder == str(repo)
    assert found.commit == git("rev-parse", "HEAD")
    assert found.branch == "main"
    assert (found.dirty, found.changed, found.untracked) == (True, ["model.py"], ["new file.py"])
    assert "-x = 1\n+x = 2" in found.diff
    assert str(found) == f"git {found.commit[:10]} and 1 changed file, 1 untracked"


def test_the_study_itself_is_no_change(repo: Path) -> None:
    study = Study("calc[1]")
    done(study)
    git("add", "--force", "calc[1]/database.pk")
    git("commit", "-q", "-m", "results")
    found = done(study).provenance[0].git
    assert git("status", "--porcelain") != ""
    assert found is not None
    assert (found.dirty, found.untracked, found.diff) == (False, [], "")


def test_a_tree_without_a_commit(own_directory: Path, study: Study) -> None:
    git("init", "-q")
    Path("a.py").touch()
    git("add", "a.py")
    found = done(study).provenance[0].git
    assert found is not None
    assert (found.commit, found.changed) == ("", ["a.py"])
    assert "no commit yet" in str(found)


def test_renamed_and_conflicting_files_have_their_names(repo: Path, study: Study) -> None:
    git("mv", "model.py", "odd name.py")
    found = done(study).provenance[0].git
    assert found is not None
    assert found.changed == ["odd name.py"]
    git("commit", "-q", "-m", "renamed")
    git("checkout", "-q", "-b", "other")
    Path("odd name.py").write_text("x = 3\n")
    git("commit", "-q", "-a", "-m", "three")
    git("checkout", "-q", "main")
    Path("odd name.py").write_text("x = 4\n")
    git("commit", "-q", "-a", "-m", "four")
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "other")
    found = done(study).provenance[0].git
    assert found is not None
    assert found.changed == ["odd name.py"]


def test_a_large_diff_is_cut(repo: Path, study: Study) -> None:
    Path("model.py").write_text("y = 1\n" * 100_000)  # 600 kB
    found = done(study).provenance[0].git
    assert found is not None
    assert len(found.diff) < 201_000
    assert found.diff.endswith("characters left out\n")
    Path("model.py").write_text("y = 1\n" * 1_000_000)
    found = done(study).provenance[0].git
    assert found is not None
    assert "Binary files" in found.diff


def test_the_tree_is_that_of_the_code(
    repo: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "of_repo.py").write_text("def f(a):\n    return {'b': a}\n")
    monkeypatch.syspath_prepend(str(repo))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    from of_repo import f  # type: ignore[import-not-found]

    assert done(Study("calc")).provenance[0].git is None
    found = done(Study("calc"), f).provenance[0].git
    assert found is not None
    assert found.folder == str(repo)
    assert done(Study(repo / "calc")).provenance[0].git == found


def test_users_own_git_meets_no_lock(repo: Path) -> None:
    Path("model.py").touch()  # git would refresh its index, under its lock
    (repo / ".git" / "index.lock").touch()
    found = look(repo, repo / "calc")
    assert found is not None
    assert not found.dirty


def test_without_git_there_is_none(
    repo: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    run = done(study)
    assert run.provenance[0].git is None
    assert run.provenance[0].python


def test_no_value_of_the_environment_is_kept(
    repo: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "do-not-keep-me")
    run = done(study, workers=1)
    for path in run.folder.path.rglob("*"):
        assert not path.is_file() or b"do-not-keep-me" not in path.read_bytes()


def test_a_submission_does_not_wait_for_git(
    repo: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    in_time = []

    def slow(*_: Any) -> None:
        in_time.append(answer.wait(60))

    monkeypatch.setattr(provenance, "look", slow)
    for _ in range(6):
        study.run(root, [{"a": 1}])
    answer.set()  # had a run waited, it would have been for a minute
    provenance.settle()
    assert all(in_time)
    assert len(in_time) < 6  # what waited shared a look
    assert all(run.provenance[0].python for run in study.runs)


def test_where_git_is_slow_short_runs_do_not_wait_each(
    repo: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = provenance._Writer()
    monkeypatch.setattr(provenance, "_writer", writer)
    monkeypatch.setattr(provenance, "settle", writer.settle)
    monkeypatch.setattr(provenance, "_SLOW_S", 0.0)
    answer = threading.Event()
    monkeypatch.setattr(provenance, "look", lambda *_: answer.wait(60) and None)
    study.run(root, [{"a": 1}])
    answer.set()
    provenance.settle()
    answer.clear()
    study.run(root, [{"a": 1}])
    provenance.settle(60)  # returns at once
    assert not study.runs[-1].provenance[0].python
    answer.set()
    provenance.settle()
    assert study.runs[-1].provenance[0].python


def test_a_script_that_submits_and_ends_leaves_it_whole(repo: Path) -> None:
    Path("go.py").write_text(
        "from psweep_nb import Study\n"
        "def f(a):\n    return {'b': a}\n"
        "if __name__ == '__main__':\n    Study('calc').submit(f, [{'a': 1}])\n"
    )
    subprocess.run([sys.executable, "go.py"], check=True)
    run = Study("calc").run_of(-1)
    run.wait(60)
    assert run.provenance[0].python
    assert run.provenance[0].git is not None


def test_what_does_not_last_leaves_nothing(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "keep", None)  # is not called
    run_local(root, [{"a": 1}], save=False)


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"git": 3, "packages": []}', b"\0\xff"])
def test_a_damaged_record_says_less(study: Study, content: bytes) -> None:
    run = done(study)
    (run.folder.path / "000" / provenance.NAME).write_bytes(content)
    [said] = run.provenance
    assert (said.python, said.packages, said.git, said.workers) == ("", {}, None, 1)
    assert str(said)


def test_a_session_that_is_gone_is_no_error(study: Study, tmp_path: Path) -> None:
    session = done(study).folder.sessions()[0]
    gone = tmp_path / "gone"
    session.path = gone
    provenance.keep(session, root, None, tmp_path, nullcontext)
    provenance.settle()
    assert not gone.exists()


def test_it_is_json_that_a_person_can_read(study: Study) -> None:
    run = done(study)
    said = json.loads((run.folder.path / "000" / provenance.NAME).read_text())
    assert list(said) == ["schema", "python", "platform", "packages", "git"]


# -- which packages --------------------------------------------------------------------------


def test_packages_are_found_wherever_the_users_code_imports_them(
    own_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.py").write_text("import scipy.linalg\ndef solve(a):\n    return a\n")
    monkeypatch.syspath_prepend(str(own_directory))

    class Model:
        def energy(self) -> Any:
            import pandas

            return pandas

    def f(a: int) -> Any:
        from mine import solve  # type: ignore[import-not-found]

        return solve(a), Model().energy(), np.pi, json.dumps(a)

    assert imported_by(f) == ["numpy", "pandas", "scipy"]
    assert imported_by(workloads.double) == []


def test_odd_functions_are_no_error() -> None:
    class Odd:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("no")

        def __call__(self) -> None:
            pass

    assert imported_by(Odd(), len, None, lambda: None) == []


def test_a_package_that_is_installed_under_another_name() -> None:
    from importlib import metadata

    import PIL

    assert provenance.versions(["PIL"]) == {"PIL": PIL.__version__}
    assert PIL.__version__ == metadata.version("pillow")
