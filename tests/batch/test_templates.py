"""Templates are filled exactly or not at all; what is wrong is named by file and line."""

import os
import pickle
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import OptionError, TemplateError
from psweep_nb.batch.languages import Dollar, Jinja, Problem
from psweep_nb.batch.templates import Template, Templates, check
from tests.strategies import names as any_names

identifiers = any_names.filter(re.compile(r"[^\W\d]\w*").fullmatch)
pieces = st.lists(
    st.tuples(st.text(st.characters(exclude_characters="$")), identifiers), max_size=6
)
values = st.text(st.characters(codec="utf-8"), max_size=20)


@given(pieces, st.text(st.characters(exclude_characters="$")), st.data())
def test_dollar_puts_values_in_and_leaves_all_else(found, end, data) -> None:
    pset = {name: data.draw(values) for _, name in found}
    template = "".join(f"{text}$$${{{name}}}" for text, name in found) + end
    expected = "".join(f"{text}${pset[name]}" for text, name in found) + end
    assert Dollar(template).fill(pset) == expected


@given(st.text("ab $\\{}\n1é_", max_size=30))
def test_dollar_agrees_with_the_standard_library(text: str) -> None:
    class Theirs(string.Template):
        idpattern = r"[^\W\d]\w*"
        flags = re.RegexFlag(0)

    pset = {"a": 1, "b": "$a", "ab": "${b}", "é": 2, "_": 3}
    try:
        expected = Theirs(text).substitute(pset)
    except (KeyError, ValueError):
        with pytest.raises(Problem):
            Dollar(text).fill(pset)
    else:
        assert Dollar(text).fill(pset) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_values_are_never_templates(value: str) -> None:
    assert Dollar("<$a>").fill({"a": value, "b": "no"}) == f"<{value}>"
    assert Jinja("<{{ a }}>").fill({"a": value, "b": "no"}) == f"<{value}>"


@given(st.binary(max_size=200))
def test_bytes_without_placeholders_stay_as_they_are(data: bytes) -> None:
    template = Template("x", "x", data.replace(b"$", b""), False, "dollar")
    assert template.fill({}) == data.replace(b"$", b"")


def test_text_of_another_encoding_is_filled() -> None:
    data = "Größe: $a".encode("latin-1")
    assert Template("x", "x", data, False, "dollar").fill({"a": "µ"}) == (
        "Größe: ".encode("latin-1") + "µ".encode()
    )


@pytest.mark.parametrize(
    ("mode", "text", "message"),
    [
        ("dollar", "a\nb $c d", "line 2: `c` has no value"),
        ("dollar", "a\n$(hostname) x", r"line 2: `\$\(hostname\) x` is no placeholder; .* \$\$"),
        ("dollar", "${a", r"line 1: `\$\{a` is no placeholder"),
        ("dollar", "\n\n$", r"line 3: `\$` is no placeholder"),
        ("jinja", "a\n{{ b }}", "line 2: UndefinedError: 'b' is undefined"),
        ("jinja", "a\n\n{% if %}", "line 3: this is not Jinja"),
        ("jinja", "{{ a.b.c }}", "line 1: UndefinedError: 'int object' has no attribute 'b'"),
        ("jinja", "\n{{ 1 / 0 }}", "line 2: ZeroDivisionError"),
    ],
)
def test_errors_name_file_and_line(mode: str, text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=f"^here/x.in, {message}"):
        Template("x.in", "here/x.in", text.encode(), False, mode).fill({"a": 1})


def test_a_value_that_is_no_text_is_named() -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with pytest.raises(TemplateError, match=r"line 1: `a` cannot be .* \(RuntimeError: no\)"):
        Template("x", "x", b"$a", False, "dollar").fill({"a": Odd()})


def test_jinja_is_strict_only_in_what_it_reaches() -> None:
    jinja = Jinja("{% if a > 1 %}{{ b }}{% endif %}{% if c is defined %}c{% endif %}.")
    assert jinja.fill({"a": 1}) == "."
    assert {found.name for found in jinja.placeholders} == {"a", "b", "c"}


def test_a_directory_is_read_whole() -> None:
    for name, data in {
        "run.sh": b"#!/bin/sh\necho $a\n",
        "sub/deep/in.txt": b"$a",
        "data.bin": b"\x00$a\xff",
        "kept~": b"an editor's",
        ".ipynb_checkpoints/run.sh": b"$nothing",
        ".hidden": b"$a",
    }.items():
        path = Path("templates", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.chmod("templates/run.sh", 0o750)
    Path("elsewhere").write_text("linked $a")
    Path("templates/link").symlink_to("../elsewhere")
    templates = pickle.loads(pickle.dumps(Templates("templates", "dollar")))
    assert [file.name for file in templates.files] == [
        ".hidden", "data.bin", "link", "run.sh", "sub/deep/in.txt",
    ]  # fmt: skip
    os.mkdir("out")
    templates.write("out", {"a": 7})
    assert Path("out/sub/deep/in.txt").read_text() == "7"
    assert Path("out/data.bin").read_bytes() == b"\x00$a\xff"
    assert Path("out/link").read_text() == "linked 7" and not Path("out/link").is_symlink()
    assert os.access("out/run.sh", os.X_OK) and not os.access("out/.hidden", os.X_OK)
    with pytest.raises(FileExistsError):
        templates.write("out", {"a": 8})
    templates.write("out", {"a": 8}, again=True)
    assert Path("out/run.sh").read_text() == "#!/bin/sh\necho 8\n"


def test_what_cannot_be_a_template_is_named() -> None:
    os.makedirs("templates/sub")
    Path("templates/circle").symlink_to("circle")
    with pytest.raises(TemplateError, match="templates/circle is no file that can be read"):
        Templates("templates", "dollar")
    os.unlink("templates/circle")
    Path("templates/loop").symlink_to(".")
    with pytest.raises(TemplateError, match="templates/loop is a link to a directory"):
        Templates("templates", "dollar")
    os.unlink("templates/loop")
    os.mkfifo("templates/sub/pipe")
    with pytest.raises(TemplateError, match="templates/sub/pipe is no file"):
        Templates("templates", "dollar")
    os.unlink("templates/sub/pipe")
    Path("templates/gone").symlink_to("nowhere")
    with pytest.raises(TemplateError, match="templates/gone is no file"):
        Templates("templates", "dollar")
    with pytest.raises(OptionError, match=r"no directory 'nothing'.*new_templates"):
        Templates("nothing", "dollar")
    with pytest.raises(OptionError, match="template_mode is 'django'"):
        Templates("templates", "django")


def test_an_unreadable_file_is_named() -> None:
    os.mkdir("templates")
    Path("templates/memory").symlink_to("/proc/self/mem")  # for root, too
    with pytest.raises(TemplateError, match=r"templates/memory cannot be read: Input/output"):
        Templates("templates", "dollar")


def test_a_link_put_into_the_directory_leads_nowhere_else() -> None:
    os.makedirs("templates/sub")
    Path("templates/sub/in.txt").write_text("$a")
    Path("templates/top.txt").write_text("$a")
    os.makedirs("out/sub")
    os.mkdir("elsewhere")
    Path("elsewhere/kept").write_text("kept")
    templates = Templates("templates", "dollar")
    Path("out/top.txt").symlink_to("../elsewhere/kept")
    templates.write("out", {"a": 1}, again=True)
    assert Path("elsewhere/kept").read_text() == "kept"
    assert Path("out/top.txt").read_text() == "1"
    for path in ("out/sub/in.txt", "out/top.txt"):
        os.unlink(path)
    os.rmdir("out/sub")
    Path("out/sub").symlink_to("../elsewhere")
    with pytest.raises(TemplateError, match="is not in out but, by a link"):
        templates.write("out", {"a": 1}, again=True)
    assert os.listdir("elsewhere") == ["kept"]


def test_all_that_is_missing_is_said_at_once() -> None:
    template = Template("x", "t/x", b"$a\n$b $c\n" + b"$d\n" * 20, False, "dollar")
    psets: list[dict[str, Any]] = [{"a": 1, "b": 2}, {"a": 1, "b": 2}, {"b": 2}]
    with pytest.raises(TemplateError) as error:
        check([template], psets, ["_pset_id"])
    lines = str(error.value).splitlines()
    assert lines[0] == "t/x, line 2: `c` is no parameter of pset 0"
    assert lines[10] == "and 12 more"
    assert lines[-1].startswith("the psets have `a`, `b`, psweep_nb adds `_pset_id`;")
    check([Template("x", "t/x", b"$b $_pset_id", False, "dollar")], psets, ["_pset_id"])
