"""What benchmark.py times: each function is one measurement, run in a fresh process.

``python benchmark_cases.py NAME '{"n": 10000}'`` prints its result as JSON, in the environment of
psweep_nb or of psweep 0.16; it works in a temporary directory of its own.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, float]
FIRST = 10_000_000  # parameters of further psets, unlike any of the first ones


def trivial(pset: dict[str, Any]) -> dict[str, Any]:
    return {"result": pset["a"]}


def slow(pset: dict[str, Any]) -> dict[str, Any]:
    time.sleep(0.02)
    return {"returned": time.time_ns()}


def psets(n: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"a": i, "b": 0.5 * i, "c": "text"} for i in range(first, first + n)]


def cpu_seconds() -> float:
    """Of this process and of the children it waited for: what other load does not change."""
    return sum(os.times()[:4])


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_mb() -> float:
    """Largest resident memory so far of this process and of any child it waited for."""
    kb = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return kb / 1024 / (1024 if sys.platform == "darwin" else 1)


# Both sides run a hundred psets elsewhere first: what a process loads once is no overhead a pset.


def overhead(n: int, poolsize: int | None = None) -> Result:
    import psweep_nb as ps

    warm_up = timed(lambda: ps.run_local(trivial, psets(100), calc_dir="warm", poolsize=poolsize))
    params = psets(n)
    cpu = cpu_seconds()
    seconds = timed(lambda: ps.run_local(trivial, params, calc_dir="calc", poolsize=poolsize))
    cpu = cpu_seconds() - cpu
    us, cpu_us = seconds / n * 1e6, cpu / n * 1e6
    return {"us": us, "cpu_us": cpu_us, "warm_up_s": warm_up, "peak_mb": peak_mb()}


def psweep_overhead(n: int, poolsize: int | None = None, tmpsave: bool = False) -> Result:
    import psweep as ps

    ps.run(trivial, psets(100), calc_dir="warm", poolsize=poolsize, tmpsave=tmpsave)
    params = psets(n)
    cpu = cpu_seconds()
    seconds = timed(
        lambda: ps.run(trivial, params, calc_dir="calc", poolsize=poolsize, tmpsave=tmpsave)
    )
    cpu = cpu_seconds() - cpu
    return {"us": seconds / n * 1e6, "cpu_us": cpu / n * 1e6, "peak_mb": peak_mb()}


def append(n: int) -> Result:
    """Ten more psets, inline, on a study that is open and holds n rows."""
    import pandas as pd

    import psweep_nb as ps

    ps.run_local(trivial, psets(n), calc_dir="calc")
    study = ps.Study("calc")
    rows = len(study.df)
    visible, folded = [], []
    for k in range(5):
        start = time.perf_counter()
        run = study.submit(trivial, psets(10, FIRST + 10 * k), in_kernel=True)
        rows += 10
        while len(study.df) < rows:
            time.sleep(0.0005)
        visible.append(time.perf_counter() - start)
        run.wait()
    for k in range(5, 10):
        more = psets(10, FIRST + 10 * k)
        folded.append(timed(lambda more=more: study.run(trivial, more)))  # type: ignore[misc]
        rows += 10
        assert len(pd.read_pickle("calc/database.pk")) == rows
    return {"visible_s": statistics.median(visible), "folded_s": statistics.median(folded)}


def psweep_append(n: int) -> Result:
    import psweep as ps

    df = ps.run(trivial, psets(n), calc_dir="calc")
    return {"folded_s": timed(lambda: ps.run(trivial, psets(10, FIRST), df=df, calc_dir="calc"))}


def skip(n: int) -> Result:
    """A run of psets that are all known, by a study opened for it."""
    import psweep_nb as ps

    params = psets(n)
    ps.run_local(trivial, params, calc_dir="calc")
    study = ps.Study("calc")
    opened = timed(lambda: len(study.df))
    seconds = timed(lambda: study.run(trivial, params, skip="done"))
    assert len(study.df) == n
    return {"s": seconds, "open_s": opened}


def psweep_skip(n: int) -> Result:
    import psweep as ps

    params = psets(n)
    df = ps.run(trivial, params, calc_dir="calc")
    seconds = timed(lambda: ps.run(trivial, params, df=df, calc_dir="calc", skip_dups=True))
    return {"s": seconds}


def write_templates(mode: str) -> int:
    """Write templates, and return how many files they are."""
    place = "$%s" if mode == "dollar" else "{{ %s }}"
    line = f"value = {place % 'a'} {place % 'b'} {place % '_pset_id'}\n"
    files = {f"calc/file{number}.in": 5 * line for number in range(3)}
    files["machines/one/jobscript"] = "#!/bin/sh\n" + line
    for name, text in {**files, "machines/one/info.yaml": "subcmd: sbatch\n"}.items():
        path = Path("templates", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return len(files)


def batch(n: int, mode: str) -> Result:
    from psweep_nb import prep_batch  # loaded before the clock runs, as psweep is

    files, params = write_templates(mode), psets(n)
    return {"files_per_s": n * files / timed(lambda: prep_batch(params, template_mode=mode))}


def psweep_batch(n: int, mode: str) -> Result:
    import psweep as ps

    files, params = write_templates(mode), psets(n)
    return {"files_per_s": n * files / timed(lambda: ps.prep_batch(params, template_mode=mode))}


def visible(n: int, workers: int = 2) -> Result:
    """From the return of a 20 ms function in a background run to its record in this process."""
    import psweep_nb as ps

    study = ps.Study("calc")
    start = time.perf_counter()
    run = study.submit(slow, psets(n), workers=workers)
    delays: list[float] = []
    first = 0.0
    while len(delays) < n:
        if run.view.poll():
            now = time.time_ns()
            first = first or time.perf_counter() - start
            for record in run.view.arrived(len(delays), run.view.count):
                delays.append((now - record.results["returned"]) / 1e6)
        time.sleep(0.0005)
    run.wait()
    delays.sort()
    return {
        "median_ms": statistics.median(delays),
        "p99_ms": delays[int(0.99 * n)],
        "max_ms": delays[-1],
        "first_row_s": first,
    }


# In the kernel of `latency`: two workers make 5,000 rows a second each, mostly asleep.
KERNEL = """
%load_ext psweep_nb
import time, psweep_nb
due = 0.0
def paced(pset):
    global due
    now = time.perf_counter()
    due = max(due + 0.0002, now - 0.1)
    if due > now + 0.0005:
        time.sleep(due - now)
    return {"result": pset["a"]}
params = [{"a": i, "b": 0.5 * i, "c": "text"} for i in range(100_000)]
"""
FOLLOWED = "%psweep run paced params -w 2 --again -d followed -o run"
UNFOLLOWED = """
run = psweep_nb.Study("unfollowed").submit(paced, params, workers=2)
"""


def latency(seconds: float = 5.0, pairs: int = 1) -> Result:
    """Milliseconds that `1+1` takes in a kernel while rows arrive, followed by a panel or not."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")

    def execute(code: str) -> float:
        start = time.perf_counter()
        sent = client.execute(code, store_history=False)
        while True:
            reply = client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == sent:
                break
        taken = time.perf_counter() - start
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        while client.iopub_channel.msg_ready():  # what the page would read
            client.get_iopub_msg(timeout=1)
        return taken * 1e3

    def p99(start: str) -> float:
        execute(start)
        time.sleep(1.0)  # workers are at full speed by then
        execute("before = run.status().done")
        delays = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            delays.append(execute("1+1"))
            time.sleep(0.005)
        # Still at work and about as fast as meant: else the figure says nothing.
        execute("s = run.status(); rows = s.done - before; assert s.state == 'running', s")
        execute(f"assert rows > 5000 * {seconds}, f'only {{rows}} rows in {seconds} s'")
        execute("run.stop(now=True); run.wait(); del run")
        return sorted(delays)[int(0.99 * len(delays))]

    try:
        execute(KERNEL)
        both = [(p99(FOLLOWED), p99(UNFOLLOWED)) for _ in range(pairs)]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    followed, unfollowed = (statistics.median(column) for column in zip(*both, strict=True))
    return {
        "followed_ms": followed,
        "unfollowed_ms": unfollowed,
        "added_ms": statistics.median(a - b for a, b in both),
    }


# In the page: when a row first shows the time at which its function returned.
OBSERVE = """() => {
  window.delays = {};
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const cell of document.querySelectorAll(".psw td")) {
      const text = cell.textContent;
      if (/^at \\d{19}$/.test(text) && !(text in window.delays))
        window.delays[text] = now - Number(text.slice(3)) / 1e6;
    }
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""
PAGE_CELLS = {
    "define": """
%load_ext psweep_nb
import time
def slow(a):
    time.sleep(0.02)
    return {"returned": f"at {time.time_ns()}"}
""",
    "run": "%psweep run slow a=range(400) -w 2",
}


def page(n: int = 200) -> Result:
    """From the return of a 20 ms function to its row on a page of a real JupyterLab."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from playwright.sync_api import sync_playwright

    from tests.ui.lab import LabPage, Server

    cells: list[dict[str, Any]] = [
        {"id": name, "cell_type": "code", "source": source, "metadata": {}, "outputs": [],
         "execution_count": None}
        for name, source in PAGE_CELLS.items()
    ]  # fmt: skip
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}}
    server = Server(Path.cwd())
    Path("page.ipynb").write_text(json.dumps({**notebook, "nbformat": 4, "nbformat_minor": 5}))
    try:
        with sync_playwright() as playwright:
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-sync"]
            options += ["--disable-background-networking", "--disable-component-update"]
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=options
            )
            lab = LabPage(browser, server, "page.ipynb")
            lab.page.evaluate(OBSERVE)
            lab.run("define", "run")
            lab.page.wait_for_function(f"() => Object.keys(window.delays).length > {n}")
            delays = sorted(lab.page.evaluate("() => Object.values(window.delays)"))
            browser.close()
    finally:
        server.close()
    return {"median_ms": statistics.median(delays), "p99_ms": delays[int(0.99 * len(delays))]}


def imports() -> Result:
    """Seconds to import the core and pandas, each the best of a few fresh interpreters."""

    def best(statement: str) -> float:
        code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        command = [sys.executable, "-c", code]
        return min(float(subprocess.check_output(command, text=True)) for _ in range(5))

    return {
        "package_s": best("import psweep_nb"),
        "core_s": best("from psweep_nb import Study, run_local, pgrid, plist"),
        "pandas_s": best("import pandas"),
    }


CASES: dict[str, Callable[..., Result]] = {
    case.__name__: case
    for case in (
        overhead,
        psweep_overhead,
        append,
        psweep_append,
        skip,
        psweep_skip,
        batch,
        psweep_batch,
        visible,
        latency,
        page,
        imports,
    )
}


def main() -> None:
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    profile_to = os.environ.get("PSWEEP_BENCHMARK_PROFILE")
    with tempfile.TemporaryDirectory(prefix="psweep-benchmark-") as place:
        os.chdir(place)
        os.environ["XDG_DATA_HOME"] = str(Path(place, "data"))
        if profile_to:
            import cProfile

            profile = cProfile.Profile()
            result = profile.runcall(CASES[name], **arguments)
            profile.dump_stats(profile_to)
        else:
            result = CASES[name](**arguments)
        os.chdir("/")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
