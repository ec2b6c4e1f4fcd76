"""What a person types: splitting, options, values, and the one line that says what was wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from psweep_nb.ui import arguments, commands
from psweep_nb.ui.arguments import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("f params", ["f", "params"]),
        ("f a=[1, 2] b=linspace(0, 1, 5)", ["f", "a=[1, 2]", "b=linspace(0, 1, 5)"]),
        ("f {'a b': (1, 2)} -w 2", ["f", "{'a b': (1, 2)}", "-w", "2"]),
        ("f 'two words' # a comment", ["f", "'two words'"]),
        ("f x  #-w 2", ["f", "x"]),
        ("f a['#'] c", ["f", "a['#']", "c"]),
        (r"f 'it\'s' d", ["f", r"'it\'s'", "d"]),
        ("f '''a 'b' c''' d", ["f", "'''a 'b' c'''", "d"]),
        ('f"x {y} z" b', ['f"x {y} z"', "b"]),
        ("f\tx\n y", ["f", "x", "y"]),
    ],
)
def test_words_are_split_outside_brackets_and_quotes(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("line", ["f a=[1, 2", "f (1]", "f a)", "f 'abc", 'f """abc"', "f [('a']"])
def test_what_is_never_closed_is_one_line(line: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*clos[^\n]*$"):
        split(line)


@given(st.lists(st.text(alphabet="abc123_.,=-", min_size=1).filter(lambda w: w[0] != "#")))
def test_splitting_what_was_joined_gives_it_back(words: list[str]) -> None:
    assert split("  ".join(words)) == words


@given(st.text(alphabet=" abc()[]{}'\"\\#-=\n"))
def test_no_line_does_anything_but_split_or_say_why_not(line: str) -> None:
    try:
        words = split(line)
    except UsageError:
        return
    assert all(words)


def test_options_and_plain_words_in_any_order() -> None:
    words = arguments.parse(commands.RUN, "-w 2 f --again a=[1] -d 'my dir' --timeout=3")
    assert words.plain == ["f", "a=[1]"]
    assert words.options == {
        "--workers": "2",
        "--again": "",
        "--dir": "'my dir'",
        "--timeout": "3",
    }


def test_a_negative_number_is_no_option() -> None:
    assert arguments.parse(commands.COMMANDS["status"], "-1").plain == ["-1"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("f --worker 2", "did you mean --workers?"),
        ("f --simulated", "did you mean --simulate?"),
        ("f --git=yes", "takes no value"),
        ("f -w2", "did you mean -w 2?"),
        ("f -w", "wants a value"),
        ("f -w --again", "wants a value"),
        ("f --again=1", "takes no value"),
        ("f -w 1 --workers 2", "given twice"),
        ("f --on-error ignore", "one of record, stop, not ignore"),
        ("f -o a.b", "variable name"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        arguments.parse(commands.RUN, line)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_expressions_of_the_notebook() -> None:
    names = {"n": 4, "xs": [1, 2]}
    assert arguments.evaluate("[x * n for x in xs]", names, "PARAMS") == [4, 8]
    assert "__builtins__" not in names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parms", "name 'parms' is not defined; did you mean params?"),
        ("1 +", "not a Python expression"),
        ("1/0", "ZeroDivisionError: division by zero"),
        ("a b", "needs brackets"),
    ],
)
def test_what_cannot_be_computed_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        arguments.evaluate(text, {"params": []}, "PARAMS")
    assert said in str(caught.value)
    assert str(caught.value).startswith("PARAMS")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "'2'", "None", "float('nan')"])
def test_workers_are_a_whole_number(value: str) -> None:
    words = arguments.Words(options={"--workers": value})
    with pytest.raises(UsageError, match="whole number above 0"):
        arguments.number(words, "--workers", {}, whole=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [("calc", "calc"), ("'my dir'", "my dir"), ("f'calc{n}'", "calc3"), ("../x", "../x")],
)
def test_a_directory_is_text_unless_quoted(text: str, value: str) -> None:
    assert arguments.text_value(text, {"n": 3}, "-d") == value


def test_a_run_is_named_by_number_label_or_variable() -> None:
    class Run:
        run_seq = 3

    run = Run()
    names = {"mine": run, "n": 5}
    found = [arguments.address(word, names) for word in ("-1", "2", "first", "'2'", "mine", "n")]
    assert found == [-1, 2, "first", "2", run, "n"]


def test_axes_are_told_from_expressions() -> None:
    assert arguments.axis_of("a=[1]") == ("a", "[1]")
    assert arguments.axis_of("ä=f(x=1)") == ("ä", "f(x=1)")
    assert arguments.axis_of("a==1") is None
    assert arguments.axis_of("grid(a=[1])") is None


@pytest.mark.parametrize("name", [*commands.COMMANDS])
def test_every_subcommand_has_help_that_names_its_options(name: str) -> None:
    command = commands.COMMANDS[name]
    text = commands.help_of(command)
    assert command.usage in text
    assert all(option.name in text for option in command.options)
    assert name in commands.help_of_all()
    assert max(map(len, text.splitlines())) < 150
