"""What a preparation would write, told before: placeholders, files, directories, scripts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import Command, Study, TemplateError, new_templates
from psweep_nb.batch.preview import COMMAND, Preview, Want, Writing, fields_of

CALC, MACHINES = "templates/calc", "templates/machines"
PSETS: list[dict[str, Any]] = [{"a": 1, "name": "x"}, {"a": 2.5, "name": "é"}]


def preview(params: Any = None, **options: Any) -> Preview:
    return Preview(PSETS if params is None else params, CALC, MACHINES, **options)


def wants(found: Preview, name: str) -> list[Want]:
    return list(next(sheet for sheet in found.sheets if sheet.name == name).wants)


def writing(study: Study, found: Preview, skip: str | None = None) -> Writing:
    return found.writing(study.database, study.calc_path, skip)


def test_placeholders_are_filled_or_missing(templates: Callable[..., None]) -> None:
    templates(**{"in.txt": "$a $b\n${_pset_seq}\n$b $$5"})
    found = preview([{"a": 1, "name": "", "b": 2}, {"a": 1, "name": ""}])
    assert [sheet.name for sheet in found.sheets] == [
        "in.txt",
        "run.py",
        "jobscript_here",
        "pset.json",
    ]
    assert wants(found, "in.txt") == [
        Want("a", (1,), "filled"),
        Want("b", (1, 3), "missing", 1),
        Want("_pset_seq", (2,), "filled"),
    ]
    assert wants(found, "run.py") == [Want("a", (1,), "filled"), Want("name", (2,), "filled")]
    assert [want.name for want in wants(found, "jobscript_here")] == ["_pset_seq"]
    assert found.problems == []


def test_why_nothing_can_be_prepared_is_what_preparing_says(
    templates: Callable[..., None], study: Study
) -> None:
    templates(**{"in.txt": "$b", "other": "$c"})
    found = preview()
    assert writing(study, found) == Writing()
    with pytest.raises(TemplateError) as caught:
        study.prep_batch(PSETS)
    assert found.problems == [str(caught.value)]
    assert "in.txt, line 1: `b` is no parameter of pset 0" in found.problems[0]


def test_all_that_is_wrong_is_said_and_the_rest_is_shown(templates: Callable[..., None]) -> None:
    templates(**{"in.txt": "one\n5 $ a", "binary": "\0$b"})
    Path(MACHINES, "here/info.yaml").write_text("subcmd: ''\n")
    found = preview()
    assert [bool(sheet.problem) for sheet in found.sheets] == [False, True, False, False]
    assert found.sheets[0].is_binary and not found.sheets[0].wants
    assert len(found.problems) == 2
    assert "`subcmd` is ''" in found.problems[0]
    assert re.search(r"in.txt, line 2: .* is no placeholder", found.problems[1])
    assert [want.state for want in wants(found, "run.py")] == ["filled", "filled"]


def test_jinja_tells_what_it_can_do_without(templates: Callable[..., None]) -> None:
    templates(
        **{
            "in.txt": "{% if b is defined %}{{ b }}{% endif %}{{ a }}{{ _run_seq + 1 }}",
            "run.py": "{{ c }}{{ d or 1 }}",
        }
    )
    Path(MACHINES, "here/jobscript").write_text("sh {{ name }}")
    found = preview(template_mode="jinja")
    assert {want.name: want.state for want in wants(found, "in.txt")} == {
        "a": "filled",
        "b": "absent",
        "_run_seq": "filled",
    }
    assert {want.name: want.state for want in wants(found, "run.py")} == {
        "c": "missing",
        "d": "absent",  # as far as can be told
    }
    assert ["'c' is undefined" in problem for problem in found.problems] == [True]


def test_without_psets_nothing_is_called_missing(templates: Callable[..., None]) -> None:
    templates()
    assert [want.state for want in wants(preview([]), "run.py")] == ["absent", "absent"]


def test_the_files_shown_are_those_that_are_written(
    templates: Callable[..., None], study: Study
) -> None:
    templates(**{"sub/binary": "$a\0"} | {"in.txt": "$a $name $_run_seq $_pset_seq $_pset_sha1\n"})
    study.prep_batch([{"a": 0, "name": ""}])
    found = preview()
    fields = [fields_of(study.database, "calc", pset, n) for n, pset in enumerate(PSETS)]
    run = study.prep_batch(PSETS)
    for number, pset_id in enumerate(run.folder.psets.ids(0, 2)):
        folder = Path("calc", pset_id)
        written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert written == {sheet.name for sheet in found.sheets}
        for name in written - {"pset.json"}:
            assert found.filled(name, number, fields[number]) == (folder / name).read_bytes()
        shown = json.loads(found.filled("pset.json", number, fields[number]))
        real = json.loads((folder / "pset.json").read_bytes())
        assert list(shown) == list(real)
        drawn = {"_run_id", "_pset_id", "_time_utc"}
        assert {k: v for k, v in shown.items() if k not in drawn} == {
            k: v for k, v in real.items() if k not in drawn
        }


def test_a_command_and_its_job_script(templates: Callable[..., None], study: Study) -> None:
    templates(**{"run.py": "$a"})
    Path(MACHINES, "here/jobscript").write_text("#!/bin/sh\n$_cmd\n")
    found = preview(command=Command("echo $name > $c", templates=CALC))
    assert wants(found, COMMAND) == [Want("name", (1,), "filled"), Want("c", (1,), "missing", 0)]
    found = preview([{"a": "it's", "c": 1}], command=Command("echo $a", templates=CALC))
    assert found.filled("jobscript_here", 0, {}) == b"#!/bin/sh\necho 'it'\"'\"'s'\n"
    assert found.filled(COMMAND, 0, {}) == b"echo 'it'\"'\"'s'"
    assert writing(study, found).todo == [0]
    Path(MACHINES, "here/jobscript").write_text("true")
    found = preview([{"a": 1}], command=Command("echo $a"))
    writing(study, found)
    assert "nothing runs the command" in found.problems[0]


def test_what_would_be_written(study: Study) -> None:
    new_templates("local")
    found = preview()
    first = writing(study, found, "done+failed")
    assert first == Writing([0, 1], {"new": 2}, {}, {"run_local.sh": 0})
    assert not Path("calc").exists()
    study.prep_batch(PSETS)
    assert writing(study, found, "done+failed") == Writing(
        [0, 1], {"new": 2}, {0: 2}, {"run_local.sh": 2}
    )
    study.submit_batch(notes=lambda _: None)
    assert study.run_of(-1).wait(30).ended
    ended = writing(study, found, "done+failed")
    assert (list(ended.todo), ended.counts, ended.prepared) == ([], {"done": 2}, {})
    assert list(writing(study, found).todo) == [0, 1]
    Path(CALC, "run.py").write_text("$a")
    assert writing(study, preview(), "done").counts == {"done with other templates": 2}


def test_a_directory_that_holds_everything_is_not_read() -> None:
    new_templates("local")
    for number in range(1001):
        Path(CALC, str(number)).touch()
    assert "are these templates?" in preview().problems[0]
    with open("large", "wb") as file:
        file.truncate(10**9)
    assert "100 MB" in Preview(PSETS, ".", MACHINES).problems[0]
