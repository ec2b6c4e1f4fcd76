"""Two processes that do random things to one study, killed again and again.

A script, for `test_torment`: ``python torment.py SEED KILLS``, in a directory of its own. The
processes are forked from this one, which has no threads, or each would take a second to import
pandas. What they are about to delete, have deleted, and did not expect is in the file `told`.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import psweep_nb as ps
from psweep_nb import OptionError, Study, StudyError
from psweep_nb.errors import FunctionError

# What may be said to whoever comes between others, or after a kill.
EXPECTED = (
    "is at work", "has no run", "there are no rows", "no row with the _pset_id", "executed again",
    "nothing to", "it needs what lived in its process", "wait before you",
    "every pset has its record",
)  # fmt: skip


def double(a: int) -> dict[str, int]:
    return {"twice": 2 * a}


def shaky(a: int) -> dict[str, int]:
    import random

    if random.random() < 0.2:
        raise ValueError("shaky")
    return {"twice": 2 * a}


double.__module__ = shaky.__module__ = "__main__"  # by value: workers need not import this


def tell(*words: object) -> None:
    # One write: two processes append.
    with open("told", "ab", buffering=0) as file:
        file.write(json.dumps(words).encode() + b"\n")


def psets(rng: random.Random) -> list[dict[str, int]]:
    first = rng.randrange(10**6)
    return [{"a": a} for a in range(first, first + rng.choice([1, 5, 100]))]


def submit(study: Study, rng: random.Random) -> None:
    study.submit(rng.choice([double, shaky]), psets(rng), workers=1)


def run(study: Study, rng: random.Random) -> None:
    ps.run_local(double, psets(rng), tmpsave=True)


def delete(study: Study, rng: random.Random) -> None:
    frame = study.df
    if len(frame) > 5:
        ids = rng.sample(frame["_pset_id"].tolist(), rng.choice([1, len(frame) // 3]))
        tell("begin", ids)
        study.delete(ids)
        tell("end", ids)


def update(study: Study, rng: random.Random) -> None:
    study.update(tenfold=lambda df: 10 * df.a)


def retry(study: Study, rng: random.Random) -> None:
    study.run_of(-1).retry(shaky)


def resume(study: Study, rng: random.Random) -> None:
    for lost in study.runs:
        if lost.status().state == "lost":
            lost.resume()


def kill_others(study: Study, rng: random.Random) -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(study.path) in words and rng.random() < 0.5:
            os.kill(int(path.parent.name), signal.SIGKILL)


DEEDS: list[Callable[[Study, random.Random], object]] = [
    submit, run, delete, delete, update, retry, resume, kill_others,
    lambda study, _: study.compact(), lambda study, _: study.rebuild(),
    lambda study, _: study.backup(),
]  # fmt: skip


def act(seed: float) -> None:
    rng = random.Random(seed)
    while True:
        try:
            rng.choice(DEEDS)(Study("calc"), rng)
        except (StudyError, OptionError, FunctionError) as exc:
            if not any(words in str(exc) for words in EXPECTED):
                tell("error", str(exc))
        except Exception:
            tell("error", traceback.format_exc())


def start(seed: float) -> int:
    pid = os.fork()
    if not pid:
        try:
            act(seed)
        finally:
            os._exit(1)
    return pid


def main(seed: int, kills: int) -> None:
    warnings.simplefilter("ignore")
    rng = random.Random(seed)
    pids = [start(rng.random()) for _ in range(2)]
    for _ in range(kills):
        time.sleep(rng.choice([0.02, 0.1, 0.4, 1.0]) * rng.random())
        number = rng.randrange(2)
        os.kill(pids[number], signal.SIGKILL)
        os.waitpid(pids[number], 0)
        if Path("calc/database.pk").exists():
            pd.read_pickle("calc/database.pk")
        pids[number] = start(rng.random())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
