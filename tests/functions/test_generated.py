"""Code identity of generated programs: chains of functions, each with a feature of Python."""

import ast
import re
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.functions.identity import code_of
from tests.functions.notebook import cell

IMPORTS = """
import dataclasses, enum, functools, types
from typing import NamedTuple
import numpy as np
"""

# Each makes a function NAME of the function PREV and a constant CONST, on which its values depend.
FEATURES = """
K_NAME = CONST
def NAME(a): return 3 * PREV(a) + K_NAME

T_NAME = {"k": [0, (CONST, 1)]}
def NAME(a): return 3 * PREV(a) + T_NAME["k"][1][0]

def NAME(a, k=CONST): return 3 * PREV(a) + k

def NAME(a, *, k=CONST): return 3 * PREV(a) + k

D_NAME = CONST
def NAME(a, k=-D_NAME): return 3 * PREV(a) - k

NAME = lambda a: 3 * PREV(a) + CONST

def make_NAME(k):
    def inner(a): return 3 * PREV(a) + k
    return inner
NAME = make_NAME(CONST)

def make_NAME():
    k = CONST
    return lambda a, func=PREV: (lambda: 3 * func(a) + k)()
NAME = make_NAME()

def NAME(a):
    def inner(k=CONST): return 3 * PREV(a) + k
    return inner()

def p_NAME(k, a, *, func): return 3 * func(a) + k
NAME = functools.partial(functools.partial(p_NAME, CONST), func=PREV)

def deco_NAME(func):
    @functools.wraps(func)
    def wrapper(*args): return 3 * func(*args) + CONST
    return wrapper
@deco_NAME
def NAME(a): return PREV(a)

def deco_NAME(k):
    return lambda func: lambda a: 3 * func(a) + k
@deco_NAME(k=CONST)
def NAME(a): return PREV(a)

class Deco_NAME:
    def __init__(self, func): self.func = func
    def __call__(self, a): return 3 * self.func(a) + CONST
@Deco_NAME
def NAME(a): return PREV(a)

@functools.lru_cache(maxsize=None)
def NAME(a): return 3 * PREV(a) + CONST

@functools.singledispatch
def NAME(a): return 0
@NAME.register
def _(a: int): return 3 * PREV(a) + CONST

def NAME(a): return PREV(a) * 3 + NAME.k
NAME.k = CONST

def NAME(a): return sum([3 * PREV(b) + CONST for b in [a]])

def NAME(a): return [y for b in {a: a} if (y := 3 * PREV(b) + CONST) or True][0]

def NAME(a):
    match {"a": PREV(a)}:
        case {"a": 0 | 1 as b, **rest} | {"a": b, **rest}: return 3 * b + CONST

def NAME(a):
    try: raise KeyError(PREV(a))
    except KeyError as error: return 3 * error.args[0] + CONST

async def co_NAME(a): return 3 * PREV(a) + CONST
def NAME(a):
    try: co_NAME(a).send(None)
    except StopIteration as end: return end.value

def gen_NAME(a): yield from (3 * PREV(b) + CONST for b in [a])
def NAME(a): return next(gen_NAME(a))

N_NAME = types.SimpleNamespace(k=CONST, func=PREV)
def NAME(a): return 3 * N_NAME.func(a) + N_NAME.k

A_NAME = np.array([CONST])
def NAME(a): return 3 * PREV(a) + int(A_NAME[0])

class C_NAME:
    k = CONST
def NAME(a): return 3 * PREV(a) + C_NAME.k

class C_NAME:
    def value(self, a): return 3 * PREV(a) + CONST
NAME = C_NAME().value

class C_NAME:
    def __init__(self, k): self.k = k
    def update(self, a): return 3 * PREV(a) + self.k
o_NAME = C_NAME(CONST)
def NAME(a): return o_NAME.update(a)

class C_NAME:
    __slots__ = ("__k",)
    def __init__(self, k): self.__k = k
    @property
    def k(self): return self.__k
o_NAME = C_NAME(CONST)
def NAME(a): return 3 * PREV(a) + o_NAME.k

class C_NAME:
    @functools.cached_property
    def k(self): return CONST
o_NAME = C_NAME()
def NAME(a): return 3 * PREV(a) + o_NAME.k

class B_NAME:
    def value(self, a): return 3 * PREV(a) + CONST
class C_NAME(B_NAME):
    def value(self, a): return super().value(a)
def NAME(a): return C_NAME().value(a)

class M_NAME(type):
    def __call__(cls, a): return 3 * PREV(a) + CONST
class C_NAME(metaclass=M_NAME): pass
def NAME(a): return C_NAME(a)

class B_NAME:
    def __init_subclass__(cls, k): cls.k = k
class C_NAME(B_NAME, k=CONST): pass
def NAME(a): return 3 * PREV(a) + C_NAME.k

class D_NAME:
    def __get__(self, of, kind=None): return CONST
    def __set__(self, of, value): pass
class C_NAME:
    k = D_NAME()
def NAME(a): return 3 * PREV(a) + C_NAME().k

class C_NAME:
    @classmethod
    def one(cls, a): return cls.two(a) + CONST
    @staticmethod
    def two(a): return 3 * PREV(a)
NAME = C_NAME.one

class C_NAME:
    def value(self, k, a): return 3 * PREV(a) + k
    part = functools.partialmethod(value, CONST)
def NAME(a): return C_NAME().part(a)

@dataclasses.dataclass
class C_NAME:
    a: int
    k: int = CONST
def NAME(a): return 3 * PREV(a) + C_NAME(a).k

@dataclasses.dataclass(frozen=True, slots=True)
class C_NAME:
    k: int = dataclasses.field(default_factory=lambda: CONST)
    def value(self, a): return 3 * PREV(a) + self.k
def NAME(a): return C_NAME().value(a)

class C_NAME(NamedTuple):
    k: int = CONST
def NAME(a): return 3 * PREV(a) + C_NAME().k

class C_NAME(enum.IntEnum):
    K = CONST
def NAME(a): return 3 * PREV(a) + C_NAME.K.value
"""


class Step(NamedTuple):
    """One function of the chain."""

    feature: str
    constant: int


steps = st.builds(Step, st.sampled_from(FEATURES.strip().split("\n\n")), st.integers(-9, 9))
chains = st.lists(steps, min_size=1, max_size=5)
fillers = st.sampled_from(
    ["", "unrelated = object()", "def other(a): return other_one", "k = a = 1"]
)


def blocks(chain: list[Step]) -> list[str]:
    """The cells of a notebook that ends with a function `f`."""
    found = ["def g0(a): return a"]
    for at, step in enumerate(chain, 1):
        values = {"NAME": f"g{at}", "PREV": f"g{at - 1}", "CONST": f"({step.constant})"}
        found.append(re.sub("NAME|PREV|CONST", lambda m: values[m[0]], step.feature))  # noqa: B023
    return [IMPORTS, *found, f"def f(a): return g{len(chain)}(a)"]


def run(cells: list[str]) -> Any:
    names: dict[str, Any] = {}
    for text in cells:
        cell(names, text)
    return names["f"]


@given(chains, st.data())
def test_a_constant_anywhere_counts(chain: list[Step], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    other = list(chain)
    other[at] = chain[at]._replace(constant=data.draw(st.integers(10, 20)))
    one, two = run(blocks(chain)), run(blocks(other))
    assert one(1) != two(1)
    assert code_of(one).sha1 != code_of(two).sha1


@given(chains, st.data())
def test_how_it_is_written_and_in_which_cells_does_not(
    chain: list[Step], data: st.DataObject
) -> None:
    one = run(blocks(chain))
    before = code_of(one)
    cells: list[str] = []
    for text in blocks(chain):
        written = data.draw(st.sampled_from([text, unparsed(text), commented(text)]))
        same_cell = data.draw(st.booleans())
        if cells and same_cell:
            cells[-1] += f"\n\n{written}"
        else:
            cells += [data.draw(fillers), written]
    two = run(cells)
    assert code_of(two) == before
    assert one(1) == two(1)
    assert code_of(two) == code_of(one) == before


@given(chains, chains)
def test_what_gives_other_results_is_other_code(one: list[Step], two: list[Step]) -> None:
    first, second = run(blocks(one)), run(blocks(two))
    if any(first(a) != second(a) for a in (0, 1, 2)):
        assert code_of(first).sha1 != code_of(second).sha1


def unparsed(text: str) -> str:
    return ast.unparse(ast.parse(text))


def commented(text: str) -> str:
    return "# first\n" + "\n".join(f"{line}  # {at}\n" for at, line in enumerate(text.split("\n")))


# -- values in one program ---------------------------------------------------------------------

BODY = """
    def helper(a):
        return {expression}

    def f(a, b={default}):
        return helper(a) + limit + outer(b)

    limit = {value}
    def make():
        inside = {closure}
        return lambda x: (x, inside)
    outer = make()
"""
expressions = st.recursive(
    st.sampled_from(["a", "a.real", "len"]) | st.integers(0, 9).map(str),
    lambda e: st.builds("({} {} {})".format, e, st.sampled_from("+-*/%"), e),
    max_leaves=4,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: (
        st.lists(v, max_size=3) | st.tuples(v) | st.dictionaries(st.text(max_size=3), v, max_size=3)
    ),
    max_leaves=5,
).map(lambda v: repr(v).replace("nan", 'float("nan")').replace("inf", 'float("inf")'))
programs = st.fixed_dictionaries(
    {"expression": expressions, "default": values, "value": values, "closure": values}
)


def said(program: dict[str, str]) -> list[str]:
    """A program in a form that is equal for programs that do the same."""
    return [ast.dump(ast.parse(program["expression"]))] + [
        repr(in_order(eval(program[key]))) for key in ("default", "value", "closure")
    ]


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return type(value)(map(in_order, value)) if isinstance(value, list | tuple) else value


@given(programs, programs, st.sets(st.sampled_from(["expression", "default", "value", "closure"])))
def test_changed_exactly_by_what_changes(one: dict, two: dict, taken: set[str]) -> None:
    other = {key: (two if key in taken else one)[key] for key in one}
    first, second = (code_of(cell({}, BODY.format(**p))["f"]) for p in (one, other))
    same = first.sha1 == second.sha1
    if one == other:
        assert same
    if said(one) != said(other):
        assert not same
