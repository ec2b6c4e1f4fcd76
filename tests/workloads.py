"""Functions for runs in tests. Workers import this module: nothing but the standard library."""

import os
import time
from pathlib import Path
from typing import Any


def double(a: int) -> dict[str, int]:
    return {"twice": 2 * a}


def fail_on_odd(a: int) -> dict[str, int]:
    if a % 2:
        raise ValueError(f"{a} is odd")
    return {"half": a // 2}


def first_fails(a: int) -> dict[str, int]:
    if a == 0:
        raise ZeroDivisionError("the first one")
    time.sleep(0.002)
    return {}


def change_in_place(pset: dict[str, Any]) -> dict[str, Any]:
    pset["a"] = 10 * pset["a"]
    pset["values"].append("more")
    pset["added"] = len(pset["values"])
    return {"seen": list(pset["values"])}


def tamper(pset: dict[str, Any]) -> dict[str, Any]:
    names = sorted(key for key in pset if key.startswith("_"))
    seq, run = pset["_pset_seq"], pset["_run_seq"]
    for name in names:
        pset[name] = "changed"
    pset["_mine"] = 1
    del pset["_calc_dir"]
    return {"names": names, "seq": seq, "run": run}


def nothing(a: int) -> None:
    return None


def by_name(b: int, a: int, c: int = 5) -> tuple[int, int, int]:
    return (a, b, c)


def odd_results(a: int) -> Any:
    return [{"x": 1, 2: 3}, {"_pset_id": "mine"}, 3.5, "text", [1, 2], {}][a]


def wait_for_go(folder: str, a: int) -> dict[str, int]:
    """Say that pset `a` has begun; end when the file `go` is there."""
    (Path(folder) / f"began-{a}").touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.002)
    return {"twice": 2 * a}


def fail_until_fixed(folder: str, a: int) -> dict[str, int]:
    """Fail for odd `a` until the file `fixed` is there; count the calls."""
    with open(Path(folder) / f"calls-{a}", "a") as file:
        file.write("x")
    if a % 2 and not (Path(folder) / "fixed").exists():
        raise RuntimeError("not fixed yet")
    return {"twice": 2 * a}


def hang_on_one(a: int) -> dict[str, int]:
    while a == 1:
        time.sleep(0.01)
    return {}


def change_directory(a: int) -> str:
    before = os.getcwd()
    os.chdir("/")
    return before


def double_then_wait(folder: str, a: int) -> dict[str, int]:
    """Return at once for the first pset; for others wait for the file `go`."""
    while a != 1 and not (Path(folder) / "go").exists():
        time.sleep(0.002)
    return {"twice": 2 * a}
