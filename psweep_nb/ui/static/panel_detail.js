// Everything about one pset, below the table.

class Detail {
  // closed(): it was closed; insert(code): into a new cell, null where the front-end cannot
  constructor({ closed, insert, canInsert }) {
    this.closed = closed;
    this.insert = insert;
    this.canInsert = canInsert;
    this.node = el("div", { class: "psw-detail", role: "region", "aria-label": "Detail of a pset" });
    this.node.hidden = true;
  }

  close() {
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  show(detail) {
    const kept = this.node.scrollTop;
    const focused = this.node.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    const unfolded = this.node.querySelector("details")?.open ?? false;
    const parts = [
      el(
        "div",
        { class: "psw-detail-head" },
        el("span", { class: "psw-detail-title", text: detail.title, role: "status" }),
        this.button("Close", "close", () => this.closed()),
      ),
      el(
        "div",
        { class: "psw-pairs" },
        this.pairs("Parameters", detail.params),
        this.pairs("Results", detail.results),
        ...(detail.reports.length ? [this.pairs("Reported", detail.reports)] : []),
      ),
    ];
    if (detail.traceback) parts.push(this.block("Traceback", detail.traceback, "psw-traceback"));
    parts.push(
      detail.log
        ? this.block("Log", detail.log)
        : el("div", { class: "psw-dim", text: "It printed nothing." }),
    );
    if (detail.facts.length) {
      parts.push(el("div", { class: "psw-dim psw-facts", text: detail.facts.join(" · ") }));
    }
    if (detail.code) parts.push(this.code(detail.code, unfolded));
    this.node.replaceChildren(...parts);
    this.node.hidden = false;
    this.node.scrollTop = kept;
    if (focused) this.node.querySelector(`[data-of="${focused}"]`)?.focus();
  }

  button(text, of, act) {
    const button = el("button", { type: "button", text, class: "psw-button" });
    button.dataset.of = of;
    button.addEventListener("click", act);
    return button;
  }

  pairs(name, pairs) {
    const box = el("div", {}, el("div", { class: "psw-caption", text: name }));
    if (!pairs.length) box.append(el("div", { class: "psw-dim", text: "none" }));
    const list = el("dl", {});
    for (const [key, value] of pairs) list.append(el("dt", { text: key }), el("dd", { text: value }));
    if (pairs.length) box.append(list);
    return box;
  }

  block(name, text, kind = "") {
    const pre = el("pre", { class: kind, text, tabindex: "0", "aria-label": name });
    pre.dataset.of = name;
    return el("div", {}, el("div", { class: "psw-caption", text: name }), pre);
  }

  code(code, unfolded) {
    const pre = el("pre", { class: "psw-rerun", text: code, tabindex: "0", "aria-label": "Code" });
    pre.dataset.of = "code";
    const said = el("span", { class: "psw-dim", role: "status" });
    const buttons = el("div", { class: "psw-code-buttons" });
    if (this.canInsert()) {
      const open = () => setText(said, this.insert(code) ? "In a new cell below." : "It could not be inserted: copy it.");
      buttons.append(this.button("Open in a cell", "insert", open));
    }
    buttons.append(this.button("Copy", "copy", async () => setText(said, await copied(code, pre))), said);
    const summary = el("summary", { text: "Run just this pset here, to debug it" });
    summary.dataset.of = "summary";
    const box = el("details", { class: "psw-again" }, summary, pre, buttons);
    box.open = unfolded;
    return box;
  }
}

// Puts code into a new cell behind the one that has the report of this slot; whether it could.
function insertBehind(model, slot, source) {
  try {
    const { cells, sharedModel } = notebookOf(model);
    let at = cells.length;
    for (let i = 0; i < cells.length; i++) {
      const { outputs } = cells.get(i);
      for (let j = 0; j < (outputs?.length ?? 0); j++) {
        if (outputs.get(j).metadata?.psweep?.slot === slot) at = i + 1;
      }
    }
    sharedModel.insertCell(at, { cell_type: "code", source, metadata: {} });
    return true;
  } catch {
    return false;
  }
}
