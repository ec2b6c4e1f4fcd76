"""What counts of classes: edits that change what a function does with them."""

import pytest

from psweep_nb.functions.identity import code_of, diff
from tests.functions.notebook import cell, programs, versions

CHANGED = """
# singledispatchmethod
import functools
class A:
    @functools.singledispatchmethod
    def g(self, x): return 1
    @g.register
    def _(self, x: int): «return 2|return 3»
def f(a): return A().g(a)

# what a singledispatchmethod reads
import functools
«K=2|K=3»
class A:
    @functools.singledispatchmethod
    def g(self, x): return 1
    @g.register
    def _(self, x: int): return K
def f(a): return A().g(a)

# metaclass: its __call__
class M(type):
    def __call__(cls, *a): «return 5|return 6»
class A(metaclass=M):
    def g(self): return 1
def f(a): return A(a)

# metaclass of a base
class M(type):
    def __call__(cls, *a): «return 5|return 6»
class B(metaclass=M): pass
class A(B):
    x = 1
def f(a): return A(a)

# class decorator: what it does elsewhere
def deco(c):
    R[«'x'] = 5|'x'] = 6»
    return c
R = {}
@deco
class A:
    def g(self): return 1
def f(a): return A().g(), R['x']

# class decorator: what it says
def deco(c):
    «print(5)|print(6)»
    return c
@deco
class A:
    def g(self): return 1
def f(a): return A().g()

# class decorator: what it adds
def deco(c):
    c.h = lambda s«: 5|: 6»
    return c
@deco
class A:
    pass
def f(a): return A().h()

# __init_subclass__
class B:
    def __init_subclass__(cls, k=1, **kw): cls.z = lambda s: k «+ 5|+ 6»
class A(B, k=3):
    pass
def f(a): return A().z()

# method decorator
import functools
def logged(g):
    @functools.wraps(g)
    def w(*a): return g(*a)«, 5|, 6»
    return w
class A:
    @logged
    def g(self, x): return 1
def f(a): return A().g(a)

# method decorator without wraps
def logged(g):
    def w(*a): return g(*a)«, 5|, 6»
    return w
class A:
    @logged
    def g(self, x): return 1
def f(a): return A().g(a)

# argument of a method decorator
def logged(n):
    def d(g):
        g.n = n
        return g
    return d
«K = 3|K = 4»
class A:
    @logged(K)
    def g(self, x): return 1
def f(a): return A().g.n

# data descriptor
class D:
    def __init__(s, k): s.k = k
    def __get__(s, o, t=None): return s.k «+ 5|+ 6»
    def __set__(s, o, v): pass
class A:
    d = D(1)
    def g(s): return s.d
def f(a): return A().g()

# value of a data descriptor
«K = 1|K = 2»
class D:
    def __init__(s, k): s.k = k
    def __get__(s, o, t=None): return s.k + 5
    def __set__(s, o, v): pass
class A:
    d = D(K)
    def g(s): return s.d
def f(a): return A().g()

# computed value of an enum
import enum
«K = 3|K = 4»
class E(enum.Enum):
    ONE = K
    def m(self): return 1
def f(a): return E.ONE

# __hash__
«K = 3|K = 4»
class A:
    def __hash__(s): return K
m = A()
def f(a): return hash(m)

# __match_args__
class A:
    __match_args__ = («'x'|'y'»,)
m = A()
def f(a):
    match m:
        case A(3): return 1

# matched value
class C:
    «X = 3|X = 4»
def f(a):
    match a:
        case C.X: return 1

# matched class
class P:
    __match_args__ = ('x',)
    def __init__(s, x): s.x = «x + 1|x + 2»
def f(a):
    match P(a):
        case P(3): return 1

# dataclass: default factory
from dataclasses import dataclass, field
@dataclass
class C:
    a: list = field(default_factory=lambda: «[3]|[4]»)
def f(a): return C()

# dataclass: order of fields
from dataclasses import dataclass, field
@dataclass
class C:
    «a: int
    b: int|b: int
    a: int»
def f(a): return C(1, 2)

# dataclass: keyword-only
from dataclasses import dataclass, field
«@dataclass
|@dataclass(kw_only=True)
»class C:
    a: int
def f(a): return C(1)

# dataclass: frozen
from dataclasses import dataclass, field
«@dataclass
|@dataclass(frozen=True)
»class C:
    a: int
def f(a): return C(1)

# dataclass: no equality
from dataclasses import dataclass, field
«@dataclass
|@dataclass(eq=False)
»class C:
    a: int
def f(a): return C(1)

# dataclass: a field not compared
from dataclasses import dataclass, field
@dataclass
class C:
    a: int = field(«compare=True|compare=False»)
    b: int = 2
def f(a): return C(1)

# dataclass: an object
from dataclasses import dataclass, field
@dataclass
class C:
    a: int = field(compare=True)
    b: int = 2
c = «C(1)|C(2)»
def f(a): return c

# dataclass: an object with slots
from dataclasses import dataclass, field
@dataclass(slots=True)
class C:
    a: int
c = «C(1)|C(2)»
def f(a): return c

# namedtuple
from collections import namedtuple
C = namedtuple('C', «'a b'|'b a'»)
c = C(1, 2)
def f(a): return c.a

# NamedTuple
from typing import NamedTuple
class C(NamedTuple):
    a: int «= 3|= 4»
def f(a): return C().a

# setter
class A:
    @property
    def g(self): return 5
    @g.setter
    def g(self, v): self.x = «5 *|6 *» v
def f(a): return A().g

# property of a lambda
class A:
    g = property(lambda self: «5|6»)
def f(a): return A().g

# property of an attrgetter
import operator
class A:
    g = property(operator.attrgetter«('x')|('y')»)
    x=1
    y=2
def f(a): return A().g

# classmethod
class A:
    @classmethod
    def g(cls): return «5|6»
def f(a): return A.g()

# static method from outside
def h(): return «5|6»
class A:
    g = staticmethod(h)
def f(a): return A.g()

# order of bases
class X:
    def g(s): return 5
class Y:
    def g(s): return 6
class «A(X, Y)|A(Y, X)»: pass
def f(a): return A().g()

# super()
class X:
    def g(s): return «5|6»
class A(X):
    def g(s): return super().g()
def f(a): return A().g()

# a default that objects replace
class A:
    rate = «3|4»
    def set(self, rate): self.rate = rate
def f(a): return A().rate

# method of a nested class
«K=5|K=6»
class X:
    class I:
        def g(s): return K
def f(a): return X.I().g()

# class in a function
«K=5|K=6»
def f(a):
    class X:
        v = K
    return X.v

# callable object
class A:
    def __init__(s, k): s.k = k
    def __call__(s, a): return s.k
g = A(«5|6»)
def f(a): return g(a)

# object as decorator
class A:
    def __init__(s, g): s.g = g
    def __call__(s, a): return s.g(a), «7|8»
@A
def g(a): return 5
def f(a): return g(a)

# object as default
class A:
    def __init__(s, k): s.k = k
def f(a, g=A(«5|6»)):
    return g.k

# abstract base
import abc
class B(abc.ABC):
    @abc.abstractmethod
    def g(s): ...
    def h(s): return «5|6»
class A(B):
    def g(s): return s.h()
def f(a): return A().g()

# generic base
from typing import Generic, TypeVar
T = TypeVar('T')
class B(Generic[T]):
    def h(s): return «5|6»
class A(B[int]): pass
def f(a): return A().h()

# made by type()
A = type('A', (), {'g': lambda s: «5|6»})
def f(a): return A().g()

# method set later
class A:
    def x(s): pass
A.g = lambda s: «5|6»
def f(a): return A().g()

# functions in a class's list
def h(): return «5|6»
class A:
    steps = [h]
def f(a): return A.steps

# class's value from a function
def h(): return «5|6»
class A:
    v = h()
def f(a): return A.v

# objects in a list
class A:
    def __init__(s, k): s.k = k
T = [A(1), A(«5|6»)]
def f(a): return T[1].k
"""


@pytest.mark.parametrize("program", programs(CHANGED))
def test_edits_that_change_what_it_does(program: str) -> None:
    old, new = versions(program)
    one, again, two = (code_of(cell({}, text)["f"]) for text in (old, old, new))
    assert one == again
    assert diff(one.parts, two.parts)
    assert one.sha1 != two.sha1
