"""Lists of psets made from other lists: stars, repeats, constraints, no duplicates.

Beside `params`, which makes lists from values. Called by users; nothing here knows of studies.
"""

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.hashing import sha1_digests
from psweep_nb.holders import psets_in
from psweep_nb.inputs import is_seq, say, whole
from psweep_nb.psets import Pset, check_params

_FUNCTIONS = {
    name: getattr(builtins, name)
    for name in ("abs", "all", "any", "bool", "float", "int", "len", "max", "min", "round", "str",
                 "sum")
}  # fmt: skip
_MOST = 100_000  # bits of a number, values of a sequence
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator,
    ast.Compare, ast.cmpop, ast.IfExp, ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List,
    ast.Set, ast.Subscript, ast.Slice, ast.Call,
)  # fmt: skip


def stargrid(
    const: Pset,
    vary: Sequence[Any],
    vary_labels: Sequence[str] | None = None,
    vary_label_col: str = "_vary",
    skip_dups: bool = True,
) -> list[Pset]:
    """Vary one parameter after the other around fixed values, the middle of the star.

    Parameters
    ----------
    const : dict
        The values in the middle.
    vary : sequence of list of dict
        What is varied: a `plist` for each arm, or psets of several parameters that vary
        together (``pgrid([zip(a, b)])``).
    vary_labels : sequence of str, optional
        A name for each arm, kept in each of its psets.
    vary_label_col : str
        The key that holds it; it is book-keeping and not part of the hash.
    skip_dups : bool
        Leave out psets that occurred before: each arm goes through the middle.

    Returns
    -------
    list of dict

    Raises
    ------
    ParamsError
        If an arm is no list of psets, or there is not one label for each.

    Examples
    --------
    >>> from psweep_nb import plist
    >>> stargrid({"a": 1, "b": 7}, [plist("a", [1, 2]), plist("b", [7, 8])])
    [{'a': 1, 'b': 7}, {'a': 2, 'b': 7}, {'a': 1, 'b': 8}]
    """
    if not isinstance(const, dict):
        raise ParamsError(
            f'stargrid: const is {say(const)}; it is the pset in the middle: {{"a": 1, "b": 7}}'
        )
    if not isinstance(vary_label_col, str):
        raise ParamsError(f"stargrid: vary_label_col is {say(vary_label_col)}; it should be a text")
    [middle] = check_params([const])
    arms = _arms(vary)
    labels: list[Any] = [None] * len(arms) if vary_labels is None else _labels(vary_labels, arms)
    params: list[Pset] = []
    for arm, label in zip(arms, labels, strict=True):
        named = {} if vary_labels is None else {vary_label_col: label}
        params += [{**middle, **pset, **named} for pset in arm]
    params = check_params(params)
    return filter_params_unique(params) if skip_dups else params


def _arms(vary: Any) -> list[list[Pset]]:
    """The lists of psets in `vary` of `stargrid`."""
    several = is_seq(vary, dict)
    arms = [psets_in(arm) for arm in vary] if several else [vary]
    wrong = [arm for arm in arms if not several or not is_seq(arm, dict)]
    if wrong:
        raise ParamsError(
            f"stargrid: vary {'holds' if several else 'is'} {say(wrong[0])}; it should hold a "
            'list of psets for each arm: vary=[plist("a", [1, 2]), plist("b", [7, 8])]'
        )
    return [check_params(arm) for arm in arms]


def _labels(labels: Any, arms: list[list[Pset]]) -> list[Any]:
    if not is_seq(labels, dict, set, frozenset):
        raise ParamsError(f"stargrid: vary_labels is {say(labels)}; it should be a list of texts")
    found = list(labels)
    if len(found) != len(arms):
        raise ParamsError(
            f"stargrid: there are {len(arms)} lists in vary, but {len(found)} vary_labels; "
            "give a label for each"
        )
    return found


def filter_params_unique(params: Any) -> list[Pset]:
    """Of psets with the same hash only the first; those without a hash all stay.

    Examples
    --------
    >>> filter_params_unique([{"a": 1}, {"a": 2}, {"a": 1}])
    [{'a': 1}, {'a': 2}]
    """
    return _without(check_params(params), set())


def filter_params_dup_hash(params: Any, hashes: Iterable[str | None]) -> list[Pset]:
    """The psets whose hash is not among `hashes`.

    Parameters
    ----------
    params : iterable of dict
        The psets.
    hashes : iterable of str or None
        Hexadecimal digits, as in the column ``_pset_sha1``; None and ``pandas.NA`` are passed over.

    Examples
    --------
    >>> from psweep_nb import pset_sha1
    >>> filter_params_dup_hash([{"a": 1}, {"a": 2}], [pset_sha1({"a": 1})])
    [{'a': 2}]
    """
    if not is_seq(hashes):
        raise ParamsError(
            f'filter_params_dup_hash: hashes is {say(hashes)}; give a list, or df["_pset_sha1"]'
        )
    known = {text for text in hashes if isinstance(text, str)}
    psets = check_params(params)
    digests = sha1_digests(psets)
    return [p for p, d in zip(psets, digests, strict=True) if d is None or d.hex() not in known]


def _without(psets: list[Pset], seen: set[bytes]) -> list[Pset]:
    found = []
    for pset, digest in zip(psets, sha1_digests(psets), strict=True):
        if digest is None or digest not in seen:
            found.append(pset)
        if digest is not None:
            seen.add(digest)
    return found


def where(params: Any, condition: str | Callable[[Pset], Any]) -> list[Pset]:
    """The psets for which a condition holds.

    Parameters
    ----------
    params : iterable of dict
        The psets.
    condition : str or callable
        A Python expression of parameters (comparisons, arithmetic, and, or, not, in, and
        functions such as abs, min, max), or a function of the pset.

    Raises
    ------
    ParamsError
        If the expression has a mistake, uses what is no parameter of some pset, or cannot be
        computed for one.

    Examples
    --------
    >>> from psweep_nb import grid
    >>> where(grid(a=[1, 2], b=[1, 2]), "a < b")
    [{'a': 1, 'b': 2}]
    """
    psets = check_params(params)
    holds = condition if callable(condition) else _compiled(condition)
    what = "the function" if callable(condition) else repr(condition)
    hint = " (it is called with the whole pset, a dict)" if callable(condition) else ""
    found = []
    for number, pset in enumerate(psets):
        try:
            keep = bool(holds(pset))
        except Exception as exc:
            if isinstance(exc, NameError) and not callable(condition):
                raise ParamsError(
                    f"where: {what} uses {exc.name!r}, which pset {number} does not have; "
                    f"its parameters are {', '.join(map(repr, pset))}"
                ) from None
            raise ParamsError(
                f"where: {what} cannot be computed for pset {number}, {pset!r:.200}: "
                f"{type(exc).__name__}: {exc}{hint}"
            ) from exc
        if keep:
            found.append(pset)
    return found


def _compiled(condition: Any) -> Callable[[Pset], Any]:
    """Make a function of an expression that can do nothing but compute."""
    if not isinstance(condition, str):
        raise ParamsError(
            f"where: the condition is {condition!r}; it should be an expression such as 'a < b', "
            "or a function of the pset"
        )
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise ParamsError(f"where: {condition!r} is no Python expression: {exc}") from None
    for node in ast.walk(tree):
        is_function = not isinstance(node, ast.Call) or (
            isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        )
        if not isinstance(node, _ALLOWED) or not is_function:
            raise ParamsError(
                f"where: {ast.unparse(node)!r} in {condition!r} is more than an expression of "
                f"parameters; it may call {', '.join(_FUNCTIONS)}, for all else give a function "
                "of the pset"
            )
    names = {"__builtins__": {}, **_FUNCTIONS, **{f.__name__: f for f in _BOUNDED.values()}}
    code = compile(ast.fix_missing_locations(_Bounding().visit(tree)), "<where>", "eval")
    return lambda pset: eval(code, names, pset)


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() * b > _MOST:
        raise OverflowError(f"a number of more than {_MOST} bits")
    return a**b


def _shifted(a: Any, b: Any) -> Any:
    if isinstance(b, int) and b > _MOST:
        raise OverflowError(f"a number of more than {_MOST} bits")
    return a << b


def _times(a: Any, b: Any) -> Any:
    for values, n in ((a, b), (b, a)):
        if isinstance(values, Sequence) and isinstance(n, int) and len(values) * n > _MOST:
            raise OverflowError(f"more than {_MOST} values")
    return a * b


def _modulo(a: Any, b: Any) -> Any:
    if isinstance(a, str | bytes):
        raise TypeError("% is for numbers here, not for making texts")
    return a % b


_BOUNDED: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Pow: _power, ast.LShift: _shifted, ast.Mult: _times, ast.Mod: _modulo,
}  # fmt: skip


class _Bounding(ast.NodeTransformer):
    """Computes nothing that takes for ever or all memory: an editor tries what is half typed."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        bounded = _BOUNDED.get(type(node.op))
        if bounded is None:
            return node
        return ast.Call(ast.Name(bounded.__name__, ast.Load()), [node.left, node.right], [])


def repeat(params: Any, n: int, seed: int = 0) -> list[Pset]:
    """Each pset `n` times, with a number and a seed of its own that the function sees.

    The keys ``_repeat`` (from 0) and ``_seed`` are added. They are no part of the hash, so that
    repeats can be averaged by it; skipping tells repeats apart. A function called with
    its parameters by name gets them if it names them (``def f(a, _seed)``).

    Parameters
    ----------
    params : iterable of dict
        The psets; each is repeated in place.
    n : int
        How often.
    seed : int
        Other seeds give other ``_seed``.

    Returns
    -------
    list of dict
        ``_seed`` is made of `seed`, the pset's hash and the number alone (SHA-256, 63 bits): the
        same on every machine, whatever else is in the list.

    Raises
    ------
    ParamsError
        If `n` is no number from 1 on, or a pset is a repeat already or has no hash.

    Examples
    --------
    >>> [pset["_repeat"] for pset in repeat([{"a": 1}], 3)]
    [0, 1, 2]
    """
    times, seed_number = whole(n), whole(seed)
    if times is None or times < 1:
        raise ParamsError(f"repeat: n is {say(n)}; it should be a whole number from 1 on")
    if seed_number is None:
        raise ParamsError(f"repeat: seed is {say(seed)}; it should be a whole number")
    psets = check_params(params)
    digests = sha1_digests(psets)
    for number, (pset, digest) in enumerate(zip(psets, digests, strict=True)):
        if "_repeat" in pset or "_seed" in pset:
            raise ParamsError(f"repeat: pset {number} is a repeat already; repeat psets once")
        if digest is None:
            raise ParamsError(
                f"repeat: pset {number}, {pset!r:.200}, has no hash, which its seeds are made of; "
                "use plain values"
            )
    return [
        {**pset, "_repeat": k, "_seed": _seed(seed_number, digest or b"", k)}
        for pset, digest in zip(psets, digests, strict=True)
        for k in range(times)
    ]


def _seed(seed: int, digest: bytes, number: int) -> int:
    text = f"psweep_nb {seed} {digest.hex()} {number}".encode()
    return int.from_bytes(sha256(text).digest()[:8], "big") >> 1
