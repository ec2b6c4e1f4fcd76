"""A real JupyterLab, or Notebook 7, and a page in it, driven through its own commands."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, TimeoutError, WebSocket

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_READY = """() => {
  const widget = window.jupyterapp?.shell.currentWidget;
  const session = widget?.context?.sessionContext;
  const kernel = session?.session?.kernel;
  return !!(widget?.context.isReady && session.isReady && kernel
    && kernel.connectionStatus === "connected" && kernel.status === "idle");
}"""
_CELLS = """() => {
  const model = window.jupyterapp.shell.currentWidget.context.model;
  return Array.from({length: model.cells.length}, (_, i) => {
    const cell = model.cells.get(i);
    return {id: cell.id, type: cell.type, source: cell.sharedModel.getSource()};
  });
}"""
_OUTPUTS = """(i) => {
  const outputs = window.jupyterapp.shell.currentWidget.context.model.cells.get(i).outputs;
  return Array.from({length: outputs.length}, (_, j) => outputs.get(j).toJSON());
}"""


_FRONT_ENDS = {
    "jupyterlab": (
        "/doc/tree/",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ),
    "notebook": ("/notebooks/", "--JupyterNotebookApp.expose_app_in_browser=True"),
}


class Server:
    """``jupyter lab`` on a folder of its own, or ``jupyter notebook``."""

    def __init__(self, folder: Path, front_end: str = "jupyterlab") -> None:
        self.folder = folder
        self.pages, *options = _FRONT_ENDS[front_end]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        private = {
            name: str(folder / ".jupyter" / name.lower())
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        }
        settings = folder / ".jupyter" / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        private["JUPYTERLAB_SETTINGS_DIR"] = str(settings.parent.parent)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        (settings / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Light"}')
        self.log = open(folder / "lab.log", "wb")  # noqa: SIM115 - closed with the server
        command = [sys.executable, "-m", front_end, "--no-browser", "--ip=127.0.0.1"]
        command += [f"--port={port}", "--allow-root", "--IdentityProvider.token="]
        command += [*options, f"--ServerApp.root_dir={folder}"]
        environment = {**os.environ, **private, "IPYTHONDIR": str(folder / ".ipython")}
        environment.pop("PSWEEP_WAIT", None)
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=self.log, stderr=self.log
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.folder / "lab.log").read_text()
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("Jupyter did not start:\n" + (self.folder / "lab.log").read_text())

    def add(self, notebook: str, folder: str) -> str:
        """A copy of one of our notebooks in a folder of its own; its path."""
        place = self.folder / folder
        place.mkdir()
        shutil.copy(NOTEBOOKS / notebook, place)
        return f"{folder}/{notebook}"

    def write(self, cells: dict[str, str], folder: str) -> str:
        """A notebook of these cells, by their ids, in a folder of its own; its path."""
        place = self.folder / folder
        place.mkdir()
        written: list[dict[str, Any]] = [
            {
                "cell_type": "code",
                "id": cell_id,
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for cell_id, source in cells.items()
        ]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {
            "cells": written,
            "metadata": {"kernelspec": spec},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (place / "nb.ipynb").write_text(json.dumps(notebook))
        return f"{folder}/nb.ipynb"

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)  # it hangs for ever when a page of it could start no kernel
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class LabPage:
    """A notebook open in the server's front-end."""

    def __init__(
        self,
        browser: Browser,
        server: Server,
        path: str,
        hear: Callable[[WebSocket], None] | None = None,
    ) -> None:
        self.server = server
        self.path = path
        self.context = browser.new_context(viewport={"width": 1100, "height": 900})
        self.page: Page = self.context.new_page()
        if hear is not None:
            self.page.on("websocket", hear)
        self.open()

    def theme(self, name: str) -> None:
        """Change to the theme of that name, `Light` or `Dark`, and wait until it is there."""
        self.page.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})"
            ".then(() => null)",
            f"JupyterLab {name}",
        )
        light = str(name == "Light").lower()
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def open(self, kernel: bool = True) -> None:
        """Go to the notebook; a reload when it is open already."""
        if not kernel:
            # Lab starts a kernel for every notebook it opens, unless it cannot.
            self.page.route("**/api/sessions*", self._start_nothing)
        self.page.goto(self.server.url + self.server.pages + self.path)
        if kernel:
            self.ready()
        else:
            self.page.wait_for_function(
                "window.jupyterapp?.shell.currentWidget?.context?.isReady", timeout=60_000
            )

    @staticmethod
    def _start_nothing(route: Route) -> None:
        if route.request.method == "POST":
            route.abort()
        else:
            route.continue_()

    def dismiss(self) -> None:
        """Close the dialog that may say that there is no kernel."""
        with contextlib.suppress(TimeoutError):
            self.page.locator(".jp-Dialog-button.jp-mod-accept").click(timeout=5000)

    def ready(self) -> None:
        """Wait until the kernel is connected and idle."""
        self.page.wait_for_function(_READY, timeout=60_000)

    def cell(self, cell_id: str) -> int:
        """Index of the cell with that id."""
        found = [i for i, c in enumerate(self.page.evaluate(_CELLS)) if c["id"] == cell_id]
        assert found, f"no cell {cell_id}"
        return found[0]

    def run(self, *cell_ids: str, wait: bool = True) -> None:
        """Run cells, one after the other."""
        for cell_id in cell_ids:
            self.page.evaluate(
                """([i]) => { const panel = window.jupyterapp.shell.currentWidget;
                  panel.content.activeCellIndex = i;
                  panel.content.deselectAll();
                  window.psweepRan = window.jupyterapp.commands.execute('notebook:run-cell')
                    .then(() => true); return null; }""",
                [self.cell(cell_id)],
            )
            if wait:
                self.page.evaluate("() => window.psweepRan")

    def run_all(self) -> None:
        """Run All, to its end."""
        self.start_all()
        self.finish_all()

    def start_all(self) -> None:
        self.page.evaluate(
            """() => { window.psweepAll = window.jupyterapp.commands
              .execute('notebook:run-all-cells').then(() => true); return null; }"""
        )

    def finish_all(self) -> None:
        self.page.evaluate("() => window.psweepAll")

    def restart(self) -> None:
        """Restart the kernel, without a question."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"
        )
        self.ready()

    def shutdown(self) -> None:
        """End the kernel."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"
        )

    def keep_busy(self) -> None:
        """Have the kernel run a cell that ends when :meth:`release` is called."""
        code = "import os, time\nwhile not os.path.exists('release'):\n    time.sleep(0.02)"
        self.page.evaluate(
            """(code) => { const panel = window.jupyterapp.shell.currentWidget;
              const kernel = panel.context.sessionContext.session.kernel;
              window.psweepBusy = true;
              const future = kernel.requestExecute({code});
              future.done.then(() => { window.psweepBusy = false; });
              return new Promise((resolve) => { future.onIOPub = () => resolve(null); }); }""",
            code,
        )

    def busy(self) -> bool:
        """Whether that cell still runs."""
        return bool(self.page.evaluate("() => window.psweepBusy"))

    def release(self) -> None:
        (self.server.folder / self.path).with_name("release").touch()
        self.page.wait_for_function("() => !window.psweepBusy")
        self.ready()

    def save(self) -> None:
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.save().then(() => null)"
        )

    def outputs(self, cell_id: str) -> list[dict[str, Any]]:
        """Outputs of a cell, as they would be saved."""
        found: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS, self.cell(cell_id))
        return found

    def wait_for_output(self, cell_id: str, text: str) -> None:
        """Wait until a cell's outputs, as they would be saved, contain a text."""
        self.page.wait_for_function(
            f"([i, text]) => JSON.stringify(({_OUTPUTS})(i)).includes(text)",
            arg=[self.cell(cell_id), text],
            timeout=30_000,
        )

    def text(self, cell_id: str) -> str:
        """Plain text of a cell's outputs."""
        parts: list[str] = []
        for output in self.outputs(cell_id):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            text = text or "\n".join(output.get("traceback", []))
            parts.append(text if isinstance(text, str) else "".join(text))
        return "\n".join(parts)

    def execute(self, code: str) -> str:
        """Run code in the kernel behind the notebook's back; what it printed."""
        found: str = self.page.evaluate(
            """async (code) => {
              const session = window.jupyterapp.shell.currentWidget.context.sessionContext.session;
              const future = session.kernel.requestExecute({code, store_history: false});
              let text = "";
              future.onIOPub = (m) => {
                if (m.header.msg_type === "stream") text += m.content.text;
                if (m.header.msg_type === "error") text += m.content.evalue;
              };
              await future.done;
              return text;
            }""",
            code,
        )
        return found

    def close(self) -> None:
        self.context.close()
