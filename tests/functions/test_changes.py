"""State: what a function writes to is no part of its code."""

import pytest

from psweep_nb.functions.identity import code_of
from tests.functions.notebook import cell, programs

PROGRAMS = """
# list
seen = []
def f(a):
    seen.append(a)
    return 1

# mutable default
def f(a, seen=[]):
    seen.append(a)
    return 1

# item of a mutable default
def f(a, seen={}):
    seen[a] = a
    return 1

# keyword-only mutable default of a helper
def h(a, *, seen={}):
    if a in seen: return seen[a]
    seen[a] = a
    return 1
def f(a): return h(a)

# attribute of the function, made by it
def f(a):
    f.n = getattr(f, 'n', 0) + 1
    return 1

# attribute of the function
def f(a):
    f.n += 1
    return 1
f.n = 0

# list that is an attribute of the function
def f(a):
    f.n.append(1)
    return 1
f.n = []

# variable of a class, by its method
class A:
    n = 0
    def g(s):
        A.n += 1
def f(a):
    A().g()

# variable of a class
class A:
    n = 0
def f(a):
    A.n += 1

# variable of a class, by its class method
class A:
    n = 0
    @classmethod
    def g(cls):
        cls.n += 1
def f(a):
    A().g()

# list in a class, by a method of a class below it
class B:
    seen = []
class A(B):
    def g(self, a):
        self.seen.append(a)
def f(a):
    A().g(a)

# cached property
import functools
class A:
    @functools.cached_property
    def g(self): return [1]
m = A()
def f(a): return m.g

# cache
import functools
@functools.cache
def h(a): return a
def f(a): return h(a)

# nonlocal
def mk():
    n = 0
    def g(a):
        nonlocal n
        n += 1
        return n
    return g
g = mk()
def f(a): return g(a)

# memo in a closure
def memo(g):
    seen = {}
    def w(a):
        if a not in seen: seen[a] = g(a)
        return seen[a]
    return w
@memo
def h(a): return a
def f(a): return h(a)

# wrapper that counts
import functools
def count(g):
    @functools.wraps(g)
    def w(*a):
        w.n += 1
        return g(*a)
    w.n = 0
    return w
@count
def g(a): return 5
def f(a): return g(a)

# attribute of an object
from types import SimpleNamespace
c = SimpleNamespace(n=0)
def f(a):
    c.n += 1

# list in an object
class C: pass
c = C()
c.log = []
def f(a):
    c.log.append(a)

# list in a dict
c = {'log': []}
def f(a):
    c['log'].append(a)

# defaultdict
import collections
c = collections.defaultdict(list)
def f(a):
    c[a].append(a)

# singledispatch's cache
import functools
@functools.singledispatch
def g(x): return 1
@g.register
def _(x: int): return 2
def f(a): return g(a)

# random numbers of NumPy
import numpy as np
rng = np.random.default_rng(1)
def f(a): return rng.random()

# random numbers
import random
rng = random.Random(1)
def f(a): return rng.random()

# iterator
import itertools
c = itertools.count()
def f(a): return next(c)

# logger
import logging
log = logging.getLogger('x')
def f(a):
    log.debug('x')

# distribution of SciPy
import scipy.stats as sp
op = sp.norm(0, 1)
def f(a): return op.pdf(a), op.rvs(3)

# spline
import scipy.interpolate as I
m = I.CubicSpline([0,1,2],[1,2,5])
def f(a): return m(a), m.derivative()(a)

# sparse matrix
import scipy.sparse as sp
op = sp.csr_array([[1,2]])
def f(a): return op.sum(), op.T, op.has_sorted_indices

# table
import pandas as pd
df = pd.DataFrame({'a': [1]})
def f(a): return df['a'].sum(), df.index.is_unique

# combined flags
import enum
class E(enum.Flag):
    A = 1
    B = 2
def f(a): return E(3), E.A|E.B

# cache of an abstract base
import abc
class B(abc.ABC):
    def h(s): return 5
B.register(int)
def f(a): return isinstance(a, B), isinstance('', B)
"""


@pytest.mark.parametrize("program", programs(PROGRAMS))
def test_a_call_changes_nothing(program: str) -> None:
    names = cell({}, program)
    before = code_of(names["f"])
    names["f"](3)
    assert code_of(names["f"]) == before
