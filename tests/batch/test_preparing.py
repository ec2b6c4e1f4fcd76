"""Batch preparation: directories, rows and scripts, all of them or none."""

import json
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import Command, OptionError, Study, StudyError, TemplateError, TrustError
from psweep_nb.batch import preparing

PARAMS = [{"a": 1, "name": "x"}, {"a": 2, "name": "it's"}]


def names(folder: str = "calc") -> list[str]:
    found = (p.relative_to(folder).as_posix() for p in Path(folder).rglob("*"))
    return sorted(name for name in found if "provenance.json" not in name)  # a thread writes it


def test_each_pset_gets_its_directory_and_its_row(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    table = pd.read_pickle("calc/database.pk")
    assert table["a"].tolist() == [1, 2]
    assert table["_failed"].isna().all() and table["_pset_runtime"].isna().all()
    assert table["_attempt"].tolist() == [0, 0]
    assert set(table["_run_id"]) == {run.run_id}
    assert study.table()["state"].tolist() == ["prepared", "prepared"]
    first, second = (Path("calc", pset_id) for pset_id in table["_pset_id"])
    assert (first / "run.py").read_text() == 'a = 1\nprint(a, "x")\n'
    assert (second / "run.py").read_text() == 'a = 2\nprint(a, "it\'s")\n'
    script = (second / "jobscript_here").read_text()
    assert "--job-name=pset-1\ncost=$1\n" in script
    assert run.status().state == "prepared" and run.status().pending == 2
    assert not study.active_runs()


def test_the_scripts_of_old_runs_stay_as_comments(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    script = Path("calc/run_here.sh")
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1 x\n2 it's\n"
    script.write_text(script.read_text() + "echo mine\n")
    study.prep_batch([{"a": 3, "name": "y"}])
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, text=True, check=True)
    assert done.stdout == "mine\n3 y\n"
    assert len(re.findall(r"^# cd .*# run_seq=0 pset_seq=[01]$", script.read_text(), re.M)) == 2


def test_a_script_of_psweeps_is_gone_on_with(templates, study: Study) -> None:
    templates()
    Path("calc").mkdir()
    head = "#!/bin/sh\n\nhere=$(readlink -f $(dirname $0))\n\n"
    old = "cd $here/6d95b366; sh jobscript_here  # run_seq=1 pset_seq=2"
    Path("calc/run_here.sh").write_text(f"{head}# {old}\n{old}")
    study.prep_batch(PARAMS[:1])
    text = Path("calc/run_here.sh").read_text()
    assert text.startswith(f'{head}# {old}\n# {old}\ncd "$here"/')
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, text=True, check=True)
    assert done.stdout == "1 x\n"


def test_what_people_do_to_a_script_neither_doubles_jobs_nor_loses_lines(
    templates, study: Study
) -> None:
    templates()
    study.prep_batch(PARAMS)
    script = Path("calc/run_here.sh")
    *_, one, two = script.read_text().splitlines()
    mine = 'cd "$here" && echo mine'
    # The head is gone, lines are in another order and changed; and an editor ends lines its way.
    script.write_text("\r\n".join([mine, f"sleep 0; {two}", f"  {one.partition('#')[0]}"]))
    study.prep_batch([{"a": 3, "name": "y"}])
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "3 y" and "1 x" not in done.stdout
    assert script.read_text().startswith(f"{mine}\n# sleep 0; {two}\n#   {one.partition('#')[0]}\n")


def test_rows_come_back_by_rebuild(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    before = study.df
    Path("calc/database.pk").unlink()
    pd.testing.assert_frame_equal(Study("calc").rebuild(), before)


def test_a_deleted_row_stays_away(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    assert study.delete(a=1) == 1
    assert study.rebuild()["a"].tolist() == [2]
    assert study.rebuild(deleted=True)["a"].tolist() == [1, 2]


def test_prepared_psets_are_not_done(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    assert study.plan(lambda a, name: a, PARAMS).new == 2
    study.run(lambda a, name: a, PARAMS, skip="done")
    assert study.table()["state"].tolist() == 2 * ["prepared"] + 2 * ["done"]


def test_nothing_is_left_where_a_template_cannot_be_filled(templates, study: Study) -> None:
    templates(**{"more.txt": "fine\n$a and $b\n${c}\n"})
    with pytest.raises(TemplateError) as error:
        study.prep_batch(PARAMS)
    assert str(error.value).splitlines()[:2] == [
        "templates/calc/more.txt, line 2: `b` is no parameter of pset 0",
        "templates/calc/more.txt, line 3: `c` is no parameter of pset 0",
    ]
    assert not Path("calc").exists()


def test_engines_have_nothing_to_do_with_it(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    assert repr(run) == "run 0: 2 psets, jobs for here, calc/"
    for act in (run.stop, run.pause, run.resume, run.retry):
        with pytest.raises(StudyError, match="batch run"):
            act()
    assert run.wait().state == "prepared"
    assert study.compact() >= 0 and len(study.df) == 2
    assert study.backup() is not None


def test_psets_are_given_back(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    assert run.params() == PARAMS == study.params()
    assert ps.params_to_code(study)


def test_programs_find_their_parameters(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS, write_pset=True)
    folder = Path("calc", run.folder.psets.id(1))
    pset = json.loads((folder / "pset.json").read_text())
    assert (pset["a"], pset["name"], pset["_pset_seq"]) == (2, "it's", 1)
    assert pset["_pset_sha1"] == ps.pset_sha1(PARAMS[1])
    assert pickle.loads((folder / "pset.pk").read_bytes()) == pset


def test_our_own_files_are_not_templates(templates, study: Study) -> None:
    for name in ("pset.json", "jobscript_here", "pset.pk"):
        templates(**{name: "x"})
        with pytest.raises(TemplateError, match=f"templates/calc/{name}: {name} is no name"):
            study.prep_batch(PARAMS, write_pset=name == "pset.pk")
        Path("templates/calc", name).unlink()
    assert not Path("calc").exists()


def test_a_command_goes_into_the_job_scripts(templates, study: Study) -> None:
    templates()
    Path("templates/machines/here/jobscript").write_text("#!/bin/sh\n$_cmd\n")
    command = Command("echo $name; python3 run.py", "templates/calc", reader=str)
    study.prep_batch(PARAMS, command=command)
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, text=True, check=True)
    assert done.stdout == "x\n1 x\nit's\n2 it's\n"
    # Done here by the same command, it is not other code.
    study.run(command, PARAMS)
    assert study.plan(command, PARAMS).stale == 0
    spec = study.run_of(0).spec
    assert (spec.function, spec.code["sha1"]) == (command.cmd, study.run_of(1).spec.code["sha1"])


def test_a_job_script_that_does_not_run_the_command_is_said(templates, study: Study) -> None:
    templates()
    with pytest.raises(TemplateError, match=r"here/jobscript: nothing runs .* \$_cmd does"):
        study.prep_batch(PARAMS, command=Command("true"))
    Path("templates/machines/here/jobscript").write_text("$_cmd\n")
    with pytest.raises(TemplateError, match="`_cmd` is no parameter"):
        study.prep_batch(PARAMS)
    with pytest.raises(OptionError, match="leave calc_templ_dir out"):
        study.prep_batch(PARAMS, "templates", command=Command("true"))
    with pytest.raises(OptionError, match="should be a Command"):
        study.prep_batch(PARAMS, command="true")  # type: ignore[arg-type]


def test_jinja(templates, study: Study) -> None:
    templates(**{"run.py": "{% for i in range(a) %}{{ name }}\n{% endfor %}"})
    Path("templates/machines/here/jobscript").write_text("echo {{ _pset_seq }}\n")
    run = study.prep_batch(PARAMS, template_mode="jinja")
    assert Path("calc", run.folder.psets.id(1), "run.py").read_text() == "it's\nit's\n"
    Path("templates/calc/run.py").write_text("{% if a > 1 %}\n{{ c }}{% endif %}")
    before = names()
    with pytest.raises(TemplateError, match=r"run.py, line 2: .*'c' is undefined \(pset 1\)"):
        study.prep_batch(PARAMS, template_mode="jinja")
    assert names() == before and len(study.df) == 2


def test_jobs_are_not_exported_as_a_function(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    for holder in (study, run):
        with pytest.raises(StudyError, match=r"run 0 is a batch run.*params_to_code"):
            holder.export("made.py")
    study.run(Command("true"), [{"a": 1}])
    study.export("made.py", pickles=True)
    assert (
        "Runs of other functions are not in it: run 0 (`batch`, 2 psets)."
        in Path("made.py").read_text()
    )


def test_skip_passes_over_what_is_done(templates, study: Study) -> None:
    templates()
    study.run(lambda a, name: a, PARAMS[:1])
    run = study.prep_batch(PARAMS, skip="done")
    assert run.params() == PARAMS[1:]
    study.run(lambda a, name: a, PARAMS)
    with pytest.warns(UserWarning, match="nothing is new: 0 new, 2 done"):
        assert study.prep_batch(PARAMS, skip="done") is study.run_of(-1)
    assert len(ps.prep_batch(PARAMS)) == 6


def test_nothing_is_prepared_from_nothing(templates, study: Study) -> None:
    templates()
    with pytest.raises(StudyError, match="params is empty"):
        study.prep_batch([])
    assert not Path("calc").exists()


def test_a_dry_run_makes_the_directories_elsewhere(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS[:1])
    before = names()
    table = ps.prep_batch(PARAMS, simulate=True)
    assert names() == before
    assert table["_calc_dir"].tolist() == ["calc", "calc.simulate", "calc.simulate"]
    assert table["_pset_seq"].tolist() == [0, 1, 2]
    done = subprocess.run(["sh", "calc.simulate/run_here.sh"], capture_output=True, check=True)
    assert done.stdout == b"1 x\n2 it's\n"
    assert (
        "--job-name=pset-2"
        in Path("calc.simulate", table["_pset_id"].iloc[2], "jobscript_here").read_text()
    )


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "n")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "n@example.org")
    git("init", "-q", ".")


@pytest.mark.usefixtures("repo")
def test_git_wants_a_clean_tree_and_commits_what_was_prepared(templates) -> None:
    templates()
    with pytest.raises(
        StudyError, match=r"needs everything but the study committed.*\n.*templates"
    ):
        ps.prep_batch(PARAMS, git=True)
    assert not Path("calc").exists()
    git("add", "."), git("commit", "-qm", "templates")
    df = ps.prep_batch(PARAMS, git=True)
    run_id = df["_run_id"].iloc[0]
    assert git("log", "-1", "--format=%s") == f"psweep: run_id={run_id}\n"
    assert git("status", "--porcelain") == ""
    files = git("show", "--stat", "--format=").splitlines()
    assert any("run_here.sh" in line for line in files) and not any(".psweep" in x for x in files)
    Path("calc", df["_pset_id"].iloc[0], "job.log").write_text("a result\n")
    ps.prep_batch(PARAMS, git=True)  # what jobs have left is committed, too
    assert git("log", "--format=%s").splitlines()[1] == "psweep_nb: calc before prep_batch"
    with open("templates/calc/run.py", "a") as file:
        file.write("# changed\n")
    with pytest.raises(StudyError, match=r"templates/calc/run.py"):
        ps.prep_batch(PARAMS, git=True)


def test_backup_comes_first(templates) -> None:
    templates()
    ps.prep_batch(PARAMS)
    ps.prep_batch(PARAMS, backup=True)
    [copy] = Path().glob("calc.bak_*")
    assert len(pd.read_pickle(copy / "database.pk")) == 2


def test_a_table_elsewhere(templates) -> None:
    templates()
    ps.prep_batch(PARAMS, database_dir="db", database_basename="mine.pk")
    ps.prep_batch(PARAMS, database_dir="db2")
    table = pd.read_pickle("db/mine.pk")
    assert {path.name for path in Path("calc").iterdir()} == {
        "run_here.sh", *table["_pset_id"], *pd.read_pickle("db2/database.pk")["_pset_id"]
    }  # fmt: skip


def test_what_another_study_prepares_in_the_same_directory_stays(templates, study: Study) -> None:
    templates()
    ps.prep_batch(PARAMS, database_dir="db")
    [run] = Study("calc", database_dir="db").runs
    stage = Path("calc", f"{preparing._stages(run.study.database)}{run.run_id[:-1]}x")
    stage.mkdir()
    study.prep_batch(PARAMS)
    assert stage.exists()
    ps.prep_batch(PARAMS, database_dir="db")
    assert not stage.exists()


def test_check_finds_all_in_place(templates, study: Study) -> None:
    from psweep_nb.psetdirs import compare

    templates()
    run = study.prep_batch(PARAMS)
    found = compare(study.database, study.calc_path)
    assert found.matching == 2 and not found.differs
    (study.calc_path / run.folder.psets.id(0)).rename("gone")
    assert compare(study.database, study.calc_path).missing == [run.folder.psets.id(0)]


# -- killed at any step ----------------------------------------------------------------------

STEPS = ("_stage", "ending.prepared", "publish_run", "_put_in_place", "add_run", "done")
KILLED = """
import os, signal, sys
from psweep_nb import Study
from psweep_nb.batch import preparing, ending

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

step = sys.argv[1]
if step == "_stage":  # in the middle of it
    write = preparing.Batch.write
    preparing.Batch.write = lambda self, folder, values: (
        write(self, folder, values) if values["a"] < 2 else die()
    )
elif step == "ending.prepared":
    ending.prepared = die
elif step == "_put_in_place":  # one directory is in place, one is not
    rename, seen = os.rename, []
    def second(old, new):
        if ".prep-" in str(old):
            seen.append(old)
            if len(seen) > 1:
                die()
        rename(old, new)
    os.rename = second
elif step in ("publish_run", "add_run"):
    setattr(preparing, step, die)
else:
    Study("calc").database.fold = die
Study("calc").prep_batch([{"a": 1, "name": "killed"}, {"a": 2, "name": "killed"}])
die()
"""


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_it_was_all_or_nothing(templates, study: Study, step: str) -> None:
    from psweep_nb.psetdirs import compare

    templates()
    study.prep_batch(PARAMS)
    done = subprocess.run([sys.executable, "-c", KILLED, step], check=False)
    assert done.returncode == -signal.SIGKILL
    study.prep_batch([{"a": 3, "name": "next"}])
    df = Study("calc").df
    there = step in ("_put_in_place", "add_run", "done")
    assert df["a"].tolist() == ([1, 2, 1, 2, 3] if there else [1, 2, 3])
    found = compare(study.database, study.calc_path)
    assert found.matching == len(df) and not found.differs
    assert not [p for p in Path("calc").iterdir() if p.name.startswith(".prep")]
    assert not list(Path("calc/.psweep").glob(".new-*"))
    lines = Path("calc/run_here.sh").read_text().splitlines()
    assert sum(line.startswith("cd") for line in lines) == 1
    assert sum(line.startswith("# cd") for line in lines) == len(df) - 1


def test_files_are_on_disk_before_their_rows_are_there(
    templates, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates()
    forced: list[int] = []

    def force(stage: Path) -> None:
        forced.append(len(list(stage.glob("*/jobscript_here"))))
        assert not Study("calc").runs and not Path("calc/run_here.sh").exists()
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "sync_file_system", force)
        with pytest.raises(OSError, match="Input/output"):
            study.prep_batch(PARAMS)
    assert forced == [2]
    assert [path.name for path in Path("calc").iterdir()] == [".psweep"]
    assert study.prep_batch(PARAMS).status().pending == 2


def test_an_error_in_the_middle_leaves_nothing(
    templates, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates()
    study.prep_batch(PARAMS)
    before = names()
    real: Callable[..., None] = preparing.Batch.write

    def full(self: preparing.Batch, folder: str, values: dict[str, object]) -> None:
        if values["a"] == 2:
            raise OSError(28, "No space left on device")
        real(self, folder, values)

    monkeypatch.setattr(preparing.Batch, "write", full)
    with pytest.raises(OSError, match="No space"):
        study.prep_batch(PARAMS)
    assert names() == before
    assert len(Study("calc").df) == 2


HOSTILE = [
    "$(touch hit)", "`touch hit`", "'; touch hit; '", '"; touch hit; "', "\ntouch hit\n", "a\0b",
    "../../../hit", "/etc/passwd", "x" * 200_000, "#", "\\", "*", "~", "-rf", "{{ a }}", "$name",
    "", "\u202e\u2028\x85\r",
]  # fmt: skip


def test_hostile_psets_do_no_harm(templates, study: Study) -> None:
    templates(**{"value.txt": "$name"})
    Path("templates/machines/here/jobscript").write_text("printf '%s\\0' $name\n")
    params = [{"a": number, "name": text} for number, text in enumerate(HOSTILE)]
    run = study.prep_batch(params, write_pset=True, label="$(touch hit)\n'")
    ids = run.folder.psets.ids(0, len(params))
    for number, pset_id in enumerate(ids):
        folder = Path("calc", pset_id)
        assert (folder / "value.txt").read_bytes().decode() == HOSTILE[number]
        assert json.loads((folder / "pset.json").read_text())["name"] == HOSTILE[number]
        # In templates values are put in as they are, in a command as one word.
        (folder / "jobscript_here").write_text("cat value.txt\n")
    assert {path.name for path in Path("calc").iterdir() if path.is_dir()} == {*ids, ".psweep"}
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(HOSTILE)
    assert study.df["name"].tolist() == HOSTILE
    assert not list(Path().rglob("hit"))


def test_hostile_psets_are_one_word_of_a_command(templates, study: Study) -> None:
    templates()
    Path("templates/machines/here/jobscript").write_text("$_cmd\n")
    words = [text for text in HOSTILE if "\0" not in text and len(text) < 100_000]
    study.prep_batch([{"a": text} for text in words], command=Command("printf '%s\\0' $a"))
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words
    before = names()
    with pytest.raises(TemplateError, match=r"a NUL character.* \(pset 0\)"):
        study.prep_batch([{"a": "x\0y"}], command=Command("echo $a"))
    with pytest.raises(TemplateError, match=r"the filled text cannot be written.* \(pset 1\)"):
        study.prep_batch([{"a": "x"}, {"a": "\ud800"}], command=Command("echo $a"))
    assert names() == before and not list(Path().rglob("hit"))


class Unsaid:
    """A value of a class whose text cannot be had."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.filterwarnings("ignore:.*has no hash")
@pytest.mark.parametrize("value", [Unsaid(), [Unsaid()], {1: Unsaid()}, 10**5000], ids=range(4))
def test_values_without_a_text_are_named(templates, study: Study, value: object) -> None:
    templates()
    with pytest.raises(TemplateError, match=r"pset.json: `b` cannot be written as text \(.*pset 0"):
        study.prep_batch([{"a": 1, "name": "x", "b": value}])
    assert not study.runs and all(name.startswith(".psweep") for name in names())


@pytest.mark.parametrize("name", ["pset.json/x", "jobscript_here/x", "result.json", ".psweep_job"])
def test_templates_have_no_names_of_ours(templates, study: Study, name: str) -> None:
    templates(**{name: ""})
    with pytest.raises(TemplateError, match="no name for a template"):
        study.prep_batch(PARAMS)
    assert not study.runs


def test_what_a_stranger_left_undone_is_not_done_for_them(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    info = run.folder.path / "run.json"
    said = json.loads(info.read_text())
    said["machines"] = {"x/../../outside": {"subcmd": "sh"}}
    info.write_text(json.dumps(said))
    Path("calc/run_x").mkdir()
    (Path("calc") / f".prep-00000000-{run.run_id}").mkdir()
    stranger = Study("calc")
    stranger.database.trusted = stranger.trusted = False
    with pytest.raises(TrustError):
        stranger.submit_batch()
    new = stranger.prep_batch([{"a": 3, "name": "y"}])
    assert not Path("outside.sh").exists()
    assert all(Path("calc", pset_id).is_dir() for pset_id in new.folder.psets.ids(0, 1))
