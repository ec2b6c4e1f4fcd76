"""The budgets of the design as a table, measured against psweep 0.16 in the same run.

    python tests/benchmark.py [--quick | --full] [--only NAME ...] [--profile] [--psweep PYTHON]

Every figure is a median over fresh processes, ours and psweep's in turn, so that whatever else
the machine does meets both. psweep installs commands of the same names, so it lives in an
environment of its own, which the first run makes (--psweep names one that exists).
"""

import argparse
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from psweep_nb.locks import FileLock

CASES = Path(__file__).with_name("benchmark_cases.py")
PSWEEP = "psweep==0.16.*"
INSTALL_S = 600.0

Result = dict[str, float]


@dataclass(frozen=True)
class Row:
    what: str
    ours: str
    psweep: str
    budget: str
    met: bool | None  # None: a figure without a budget of its own


@dataclass(frozen=True)
class Bench:
    psweep_python: str
    repeats: int
    full: bool
    profile: bool

    def run(self, case: str, **arguments: object) -> Result:
        """One measurement in a fresh process."""
        python = self.psweep_python if case.startswith("psweep_") else sys.executable
        environment = dict(os.environ)
        # With it each worker compiles the package, which no user has to wait for.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        profiled = self.profile and not case.startswith("psweep_")
        with tempfile.TemporaryDirectory() as place:
            profile = str(Path(place, "profile"))
            if profiled:
                environment["PSWEEP_BENCHMARK_PROFILE"] = profile
            done = subprocess.run(
                [python, str(CASES), case, json.dumps(arguments)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"the measurement {case} {arguments} failed (see above)")
            if profiled:
                print(f"\n{case} {arguments}")
                pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        result: Result = json.loads(done.stdout.splitlines()[-1])
        print(f"  {case} {arguments}: {result}", file=sys.stderr)
        return result

    def medians(
        self, *measurements: tuple[str, dict[str, object]], repeats: int = 0
    ) -> list[Result]:
        """Several measurements in turn, each as often as asked; the median of every figure."""
        rounds = [
            [self.run(case, **arguments) for case, arguments in measurements]
            for _ in range(repeats or self.repeats)
        ]
        return [
            {key: statistics.median(result[key] for result in results) for key in results[0]}
            for results in zip(*rounds, strict=True)
        ]


def at_most(part: float, ours: float, theirs: float) -> tuple[str, bool]:
    return f"1/{theirs / ours:.1f} (at most 1/{1 / part:.0f})", ours <= part * theirs


def serial(bench: Bench) -> Iterator[Row]:
    """Overhead a pset, serial, crash-safe; flat in the number of psets."""
    flat = {}
    for n in (10_000, 100_000):
        ours, theirs = bench.medians(("overhead", {"n": n}), ("psweep_overhead", {"n": n}))
        flat[n] = ours["us"]
        ratio, met = at_most(1 / 4, ours["us"], theirs["us"])
        yield Row(f"serial, {n:,} psets", us(ours), us(theirs), ratio, met)
        if n == 10_000:
            (saved,) = bench.medians(("psweep_overhead", {"n": n, "tmpsave": True}), repeats=2)
            ratio, met = at_most(1 / 15, ours["us"], saved["us"])
            yield Row("same, psweep with tmpsave=True", us(ours), us(saved), ratio, met)
    if bench.full:
        (ours,) = bench.medians(("overhead", {"n": 1_000_000}), repeats=2)
        flat[1_000_000] = ours["us"]
        ratio, met = at_most(1 / 4, ours["us"], theirs["us"])
        yield Row("serial, 1,000,000 (psweep's at 100,000)", us(ours), us(theirs), ratio, met)
    spread = max(flat.values()) / min(flat.values())
    sizes = " to ".join(f"{n:,}" for n in (min(flat), max(flat)))
    yield Row(f"flat from {sizes}", f"{spread:.2f}x", "", "within 1.3x", spread <= 1.3)


def processes(bench: Bench) -> Iterator[Row]:
    """Overhead a pset with two worker processes."""
    arguments: dict[str, object] = {"n": 100_000, "poolsize": 2}
    ours, theirs = bench.medians(("overhead", arguments), ("psweep_overhead", arguments))
    ratio, met = at_most(1 / 5, ours["us"], theirs["us"])
    yield Row("two processes, 100,000 psets", us(ours), us(theirs), ratio, met)


def append(bench: Bench) -> Iterator[Row]:
    """Ten more psets on 1e5 rows."""
    n = 100_000
    ours, theirs = bench.medians(("append", {"n": n}), ("psweep_append", {"n": n}), repeats=2)
    visible, folded = ours["visible_s"], ours["folded_s"]
    yield Row(f"10 more on {n:,} rows: in study.df", ms(visible), "", "20 ms", visible <= 0.02)
    yield Row("same, folded", ms(folded), ms(theirs["folded_s"]), "250 ms", folded <= 0.25)


def skip(bench: Bench) -> Iterator[Row]:
    """A run of psets that are all known."""
    n = 100_000
    half, ours = bench.medians(("skip", {"n": n // 2}), ("skip", {"n": n}))
    known = n if bench.full else n // 10
    (theirs,) = bench.medians(("psweep_skip", {"n": known}), repeats=1)
    psweep = f"{theirs['s']:.2f} s at {known:,}"
    yield Row(f"skip over {n:,} known psets", ms(ours["s"]), psweep, "1 s", ours["s"] <= 1)
    growth = ours["s"] / half["s"]
    yield Row("same, growth from half as many", f"{growth:.1f}x", "", "linear", growth <= 2.5)


def batch(bench: Bench) -> Iterator[Row]:
    """Jobs prepared from templates: four files filled for each pset (and ours, pset.json)."""
    for mode in ("dollar", "jinja"):
        arguments: dict[str, object] = {"n": 1000, "mode": mode}
        ours, theirs = bench.medians(("batch", arguments), ("psweep_batch", arguments))
        mine, psweeps = (f"{result['files_per_s']:,.0f} files/s" for result in (ours, theirs))
        ratio = f"{ours['files_per_s'] / theirs['files_per_s']:.1f}x"
        yield Row(f"prep_batch, 1,000 psets, {mode}", mine, psweeps, ratio, None)


def visible(bench: Bench) -> Iterator[Row]:
    """From a function's return to its record, read in the submitting process."""
    (ours,) = bench.medians(("visible", {"n": 200}))
    median = ours["median_ms"]
    yield Row("record of a 20 ms pset, median", f"{median:.1f} ms", "", "5 ms", median <= 5)
    yield Row("same, 99 % / worst", f"{ours['p99_ms']:.1f} / {ours['max_ms']:.1f} ms", "", "", None)
    yield Row("submit to first row", ms(ours["first_row_s"]), "", "", None)


def page(bench: Bench) -> Iterator[Row]:
    """From a function's return to its row on the page (needs Chromium)."""
    (ours,) = bench.medians(("page", {}))
    median = ours["median_ms"]
    yield Row("on the page, median", f"{median:.0f} ms", "", "150 ms", median <= 150)
    yield Row("same, 99 %", f"{ours['p99_ms']:.0f} ms", "", "", None)


def latency(bench: Bench) -> Iterator[Row]:
    """A trivial cell while 10 000 rows/s arrive with the panel open."""
    pairs = 10 if bench.repeats > 1 else 3
    (ours,) = bench.medians(("latency", {"pairs": pairs}), repeats=1)
    figures = f"{ours['followed_ms']:.1f} / {ours['unfollowed_ms']:.1f} ms"
    yield Row("1+1 while 10,000 rows/s come, p99, with / without panel", figures, "", "", None)
    added = ours["added_ms"]
    yield Row(
        f"same, added by the panel ({pairs} pairs)", f"{added:.1f} ms", "", "10 ms", added <= 10
    )


def memory(bench: Bench) -> Iterator[Row]:
    """Peak memory of a serial run."""
    n = 1_000_000 if bench.full else 100_000
    ours, theirs = bench.medians(("overhead", {"n": n}), ("psweep_overhead", {"n": n}), repeats=1)
    part = ours["peak_mb"] / theirs["peak_mb"]
    what = f"peak memory, {n:,} psets"
    budget = f"{part:.0%} (at most 40 % at 1,000,000)"
    met = part <= 0.4 if bench.full else None
    yield Row(what, f"{ours['peak_mb']:.0f} MB", f"{theirs['peak_mb']:.0f} MB", budget, met)


def imports(bench: Bench) -> Iterator[Row]:
    """Import times."""
    (ours,) = bench.medians(("imports", {}), repeats=1)
    extra = ours["core_s"] - ours["pandas_s"]
    yield Row("import psweep_nb", ms(ours["package_s"]), "", "", None)
    yield Row("same with Study, beyond pandas", ms(extra), "", "100 ms", extra <= 0.1)


def us(result: Result) -> str:
    return f"{result['us']:.1f} µs (CPU {result['cpu_us']:.1f})"


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    row.__name__: row
    for row in (
        serial,
        processes,
        append,
        skip,
        batch,
        visible,
        page,
        latency,
        memory,
        imports,
    )
}


def psweep_environment() -> str:
    """The Python of an environment that holds psweep, made on first use and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "psweep_nb" / "benchmark" / PSWEEP.strip(".*").replace("==", "-")
    python = place / "bin" / "python"
    ready = place / "ready"
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{place}.lock")  # tests use it too
    if not lock.acquire(INSTALL_S):
        raise TimeoutError(f"somebody else has been installing in {place} for {INSTALL_S:.0f} s")
    try:
        if not ready.exists():
            print(f"installing {PSWEEP} in {place}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", PSWEEP], check=True)
            ready.touch()
    finally:
        lock.release()
    return str(python)


def table(rows: list[Row]) -> str:
    lines = [("what", "psweep_nb", "psweep 0.16", "budget", "")]
    words = {True: "met", False: "MISSED", None: ""}
    lines += [(row.what, row.ours, row.psweep, row.budget, words[row.met]) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "| "
        + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    return "\n".join(
        [text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="each measurement once")
    size.add_argument("--full", action="store_true", help="also 1,000,000 psets (minutes)")
    parser.add_argument(
        "--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help=", ".join(ROWS)
    )
    parser.add_argument("--profile", action="store_true", help="where our own time goes")
    parser.add_argument("--psweep", metavar="PYTHON", help="of an environment that has psweep 0.16")
    options = parser.parse_args()
    bench = Bench(
        psweep_python=options.psweep or psweep_environment(),
        repeats=1 if options.quick else 3,
        full=options.full,
        profile=options.profile,
    )
    rows = []
    for name in options.only:
        print(ROWS[name].__doc__, file=sys.stderr)
        rows += list(ROWS[name](bench))
    print(table(rows))
    sys.exit(any(row.met is False for row in rows))


if __name__ == "__main__":
    main()
