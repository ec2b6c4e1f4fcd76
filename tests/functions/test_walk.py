"""What counts of all that a function reaches: edits that change what it does, and that do not."""

import pytest

from psweep_nb.functions.identity import code_of, diff
from tests.functions.notebook import cell, programs, versions

CHANGED = """
# singledispatch: an implementation
import functools
@functools.singledispatch
def g(x): return 1
@g.register
def _(x: int): «return 2|return 3»
def f(a): return g(a)

# singledispatch: its type
import functools
@functools.singledispatch
def g(x): return 1
@g.register
def _(«x: int|x: str»): return 2
def f(a): return g(a)

# attribute of a function
def h(a): return h.limit
h.limit «= 3|= 4»
def f(a): return h(a)

# no source (two on a line): keyword-only
g, h = «lambda a, b: a,|lambda a, *, b: a,» lambda a, b: b
def f(a): return g, h

# no source: any number of arguments
g, h = «lambda *a: a|lambda a: a», lambda b: b
def f(a): return g, h

# lambda in a comprehension
K = 3
g = [lambda a: «a + i|a - i» + K for i in range(3)]
def f(a): return g[0](a)

# what it reads
«K = 3|K = 4»
g = [lambda a: a + i + K for i in range(3)]
def f(a): return g[0](a)

# walrus
«K = 3|K = 4»
def f(a): return [y for x in [a] if (y := x + K)]

# async
«K = 3|K = 4»
async def g(a): return K
async def f(a): return await g(a)

# async comprehension
K = 3
async def g(a):
    «yield K|yield K+1»
async def f(a): return [x async for x in g(a)]

# partial
import functools
def g(a, b): return a
h = functools.partial(g, b=«5|6»)
def f(a): return h(a)

# lru_cache
import functools
@functools.lru_cache(maxsize=3)
def g(a): return «5|6»
def f(a): return g(a)

# read by what is cached
import functools
«K=5|K=6»
@functools.lru_cache(maxsize=3)
def g(a): return K
def f(a): return g(a)

# contextmanager
import contextlib
@contextlib.contextmanager
def g(a): yield «5|6»
def f(a):
    with g(a) as x: return x

# vectorize
import numpy as np
@np.vectorize
def g(a): return «5|6»
def f(a): return g(a)

# closure two deep
def m():
    k = «5|6»
    def g():
        def h(): return k
        return h
    return g()
g = m()
def f(a): return g()

# found by a registry
R = {}
def reg(g):
    R[g.__name__] = g
    return g
@reg
def one(a): return «5|6»
def f(a): return R['one'](a)

# computed default
«K=5|K=6»
def g(a, k=K*2): return a + k
def f(a): return g(a)

# computed keyword-only default
«K=5|K=6»
def g(a, *, k=K*2): return a + k
def f(a): return g(a)

# default that is a function
def h(a): return «5|6»
def f(a, g=h):
    return g(a)

# deep in a table
def h(a): return «5|6»
T = {'a': [('x', h)]}
def f(a): return T

# generator expression
«K=5|K=6»
def f(a): return sum(x*K for x in range(3))

# default of an inner lambda
«K=5|K=6»
def f(a): return (lambda x, k=K: k)(a)

# from x import *
from math import *
def f(a): return «sin|cos»(a)

# try
def f(a):
    try:
        return «5|6»
    finally:
        pass

# arguments of a partial
import functools
def h(*a, **k): return 5
g = functools.partial(h, «1)|1, 2)»
def f(a): return g

# generator
def g(a): «yield|return» 5
def f(a): return list(g(a))

# a local variable named like a global
D = {'k': «1|2»}
def helper(a):
    D = {}
    D[a] = 1
    return D
def f(a): return helper(a), D['k']

# a closure's variable named like a global
n = «1|7»
def helper(a):
    n = 0
    def g(): return n
    n = 2
    return g
def f(a): return helper(a), n

# an object's method named like a mutator
class M:
    def __init__(self, k): self.k = k
    def update(self, a): return self.k * a
m = M(«1|2»)
def f(a): return m.update(a)

# the same, in a closure
class M:
    def __init__(self, k): self.k = k
    def add(self, a): return self.k + a
def make():
    m = M(«1|2»)
    return lambda a: m.add(a)
g = make()
def f(a): return g(a)

# a library's method named like a mutator
import pandas as pd
m = pd.Series([«1|2»])
def f(a): return m.add(a)

# a list in which another list is changed
K, L = [«1|2»], []
def f(a):
    L.append(a)
    return K
"""

SAME = """
# the order of a dict, which a set may have given, and in it the order of what one factory made
def make(k): return lambda a: a + k
T = {«'x': make(1), 'y': make(2)|'y': make(2), 'x': make(1)»}
def f(a, k): return T[k](a)

# a local variable named like a global
n = «1|7»
def f(a):
    n = 0
    def g(): return n
    return g()

# lines between
K = 3«
|


»def f(a): return [lambda x: x + i for i in [a]]

# a class's variable named like a global
x = «3|4»
def f(a):
    class A:
        x = 5
        y = x
    return A

# an attribute named like a global
x = «3|4»
def f(a): return a.x

# a parameter named like a global
x = «3|4»
def f(x): return [x for _ in [1]], (lambda: x)()

# a variable of another function named like a global
x = «3|4»
def g(x): return x
def f(a): return g(a)
"""


@pytest.mark.parametrize("program", programs(CHANGED))
def test_edits_that_change_what_it_does(program: str) -> None:
    one, again, two = (
        code_of(cell({}, text)["f"]) for text in (*versions(program)[:1] * 2, versions(program)[1])
    )
    assert one == again
    assert diff(one.parts, two.parts)
    assert one.sha1 != two.sha1


@pytest.mark.parametrize("program", programs(SAME))
def test_edits_that_do_not(program: str) -> None:
    one, two = (code_of(cell({}, text)["f"]) for text in versions(program))
    assert one == two


def test_an_expression_too_deep_for_its_source() -> None:
    text = "K = {}\ndef f(a):\n    return {} + K".format
    deep = " + ".join(["a"] * 900)
    programs = [text(1, deep), text(2, deep), text(1, deep + " * 2")]
    found = [code_of(cell({}, text)["f"]) for text in programs]
    assert len({code.sha1 for code in found}) == 3
    assert found[0].parts["K ="] == "1"
