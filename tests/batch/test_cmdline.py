"""Whatever is in a pset, it is one word of a command, or the command is refused."""

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import OptionError, TemplateError
from psweep_nb.batch.cmdline import CommandLine

hostile = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.text("ab '\"\\$`;&|<>(){}*?!#~\n\t-=", max_size=30),
    st.sampled_from(["$(touch hit)", "`touch hit`", "; touch hit", "'; touch hit; '", "-rf", ""]),
)


def said(line: CommandLine, values: dict[str, Any], as_script: bool) -> list[str]:
    argv = ["sh", "-c", line.line(values)] if as_script else line.argv(values)
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("as_script", [False, True])
@given(a=hostile, b=hostile)
def test_a_value_is_one_word(as_script: bool, a: str, b: str) -> None:
    values, words = {"a": a, "b": b}, ["printf", "%s\\0"]
    for line in (
        CommandLine([*words, "$a", "x$b"], "dollar"),
        CommandLine([*words, "{{ a }}", "x{{ b }}"], "jinja"),
        CommandLine("printf '%s\\0' $a x$b # it's done", "dollar"),
        CommandLine("printf '%s\\0' {{ a }} x{{ b }}", "jinja"),
    ):
        assert said(line, values, as_script) == [a, f"x{b}"]


@pytest.mark.parametrize(
    "cmd",
    [
        '"$a"', "'$a'", "x 'y' \"$a\"", "x # $a", "`x $a`", "x << $a", '"$$(x "$a")"', "\\$a",
        "$$((1 + $a))", "((x = $a))", "$$'x' $a", 'x "y$a"', "x\\\\\\$a", "x 'y\n$a'",
    ],
)  # fmt: skip
def test_places_where_no_word_can_be_are_refused(cmd: str) -> None:
    with pytest.raises(TemplateError, match="cannot be filled safely"):
        CommandLine(cmd, "dollar")
    jinja = cmd.replace("$$", "\0").replace("$a", "{{ a }}").replace("\0", "$")
    with pytest.raises(TemplateError, match="cannot be filled safely"):
        CommandLine(jinja, "jinja")


@pytest.mark.parametrize(
    ("cmd", "filled"),
    [
        ("x $a", "x 'it is'"),
        ("x '#' a#$a $a # all", "x '#' a#'it is' 'it is' # all"),
        ("x $$HOME \"$$(date)\" '$$a' `date`", "x $HOME \"$(date)\" '$a' `date`"),
        ("x \\\\$a \"y\" 'z'$a", "x \\\\'it is' \"y\" 'z''it is'"),
        ("x $$(echo $a)", "x $(echo 'it is')"),
        ("# first\nx $a", "# first\nx 'it is'"),
    ],
)
def test_all_else_is_the_shells(cmd: str, filled: str) -> None:
    assert CommandLine(cmd, "dollar").line({"a": "it is"}) == filled


def test_what_is_no_command_is_refused() -> None:
    for cmd in ("", "  ", [], [1], ["", "x"], 3, None, b"x"):
        with pytest.raises(OptionError, match="it should be a text for the shell"):
            CommandLine(cmd, "dollar")  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match=r"`\$\(x\)` is no placeholder"):
        CommandLine("echo $(x)", "dollar")
    for cmd in ("x $a", ["x", "$a"]):
        with pytest.raises(TemplateError, match="NUL"):
            CommandLine(cmd, "dollar").argv({"a": "b\0c"})
