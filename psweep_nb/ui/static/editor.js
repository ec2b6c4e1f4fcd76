// The grid editor itself. What is edited is in the kernel: the page sends each edit, and shows
// the state that comes back; only a field somebody is typing in keeps what was typed.

const TYPING = 80; // ms after a key until it is sent
const PAUSE = 400; // ms after an edit until what takes longer is asked for
const FEW = 2000; // psets up to which
const PACE = 2000; // ms pass until what is done is asked for again while a run goes on; else
const SLOW_PACE = 20000; // ms

class Editor {
  constructor(model, root) {
    this.model = model;
    this.sent = 0; // number of the last edit
    this.answered = 0;
    this.typed = new Map(); // control -> what sends it
    this.tab = "rows";
    this.build(root);
    this.link = new Link(model, {
      hear: (content) => this.hear(content),
      slow: (is) => this.waits(is),
      gone: (word) => this.die(word),
    });
    this.listen();
  }

  // --- structure -------------------------------------------------------------------------

  build(root) {
    this.rows = new Rows(this);
    this.table = new Table(this);
    this.name = el("span", { class: "pse-title" });
    this.counted = el("span", { class: "pse-counted", role: "status" });
    this.why = el("span", { class: "pse-why psw-dim" });
    this.tabs = el("div", { class: "pse-tabs", role: "tablist", "aria-label": "View" });
    this.undo = button("Undo", () => this.edit({ kind: "undo" }));
    this.views = { rows: this.rows.node, table: this.table.node, code: this.buildCode() };
    this.tabButtons = {};
    for (const [tab, text] of [["rows", "Rows"], ["table", "Psets"], ["code", "Code"]]) {
      const node = button(text, () => this.choose(tab), "pse-tab");
      node.id = newId();
      node.setAttribute("role", "tab");
      this.views[tab].id = newId();
      node.setAttribute("aria-controls", this.views[tab].id);
      this.views[tab].setAttribute("role", "tabpanel");
      this.views[tab].setAttribute("aria-labelledby", node.id);
      this.tabButtons[tab] = node;
      this.tabs.append(node);
    }
    this.tabs.addEventListener("keydown", (event) => this.tabKey(event));
    this.source = el("div", { class: "pse-source" });
    this.sourceText = el("span", {});
    this.switch = button("", () => this.edit({ kind: "use", source: this.other }));
    this.source.append(this.sourceText, this.switch);
    this.ends = el("dl", { class: "pse-ends", "aria-label": "First and last pset" });
    this.note = el("div", { class: "pse-remark psw-dim" });
    this.root = el(
      "div",
      { class: "psw pse", role: "group", "aria-label": "Grid editor" },
      el(
        "div",
        { class: "pse-head" },
        el("div", { class: "pse-what" }, this.name, this.counted, this.why),
        this.undo,
        this.tabs,
      ),
      this.source,
      this.views.rows,
      this.views.table,
      this.views.code,
      el("div", { class: "pse-sum" }, this.ends, this.note),
      this.buildRun(),
    );
    root.append(this.root);
    this.choose("rows");
  }

  buildCode() {
    this.code = el("pre", { class: "pse-pre", tabindex: "0", "aria-label": "Code" });
    this.codeProblem = el("div", { class: "pse-problem" });
    this.copy = button("Copy", () => this.copyCode());
    this.insert = button("Write it into a cell above", () => this.insertCell());
    return el(
      "div",
      { class: "pse-codeview" },
      this.code,
      this.codeProblem,
      el("div", { class: "pse-below" }, this.copy, this.insert),
    );
  }

  buildRun() {
    this.func = el("select", { class: "pse-input" });
    this.workers = textInput("pse-number", "numeric");
    this.where = el("span", { class: "psw-dim psw-code pse-where" });
    this.plan = button("Plan", () => this.command("plan"));
    this.simulate = button("Simulate", () => this.command("simulate"));
    this.run = button("Run", () => this.command("run"), "pse-main");
    this.planned = el("div", { class: "pse-planned", role: "status" });
    this.said = el("div", { class: "pse-said", role: "status" });
    this.details = el("pre", { class: "pse-pre pse-details", tabindex: "0", "aria-label": "Plan" });
    this.shut = button("Close the plan", () => {
      this.details.hidden = this.shut.hidden = true;
      this.plan.focus();
    });
    this.details.hidden = this.shut.hidden = true;
    this.watch(this.func, () => this.edit({ kind: "function", name: this.func.value }));
    this.watch(this.workers, () => this.edit({ kind: "workers", value: this.workers.value }));
    this.func.addEventListener("focus", () => this.send({ kind: "functions" }, false));
    return el(
      "div",
      { class: "pse-run", role: "group", "aria-label": "Run" },
      this.planned,
      el(
        "div",
        { class: "pse-runline" },
        labelled("Function", this.func),
        labelled("Workers", this.workers),
        this.where,
        el("span", { class: "pse-gap" }),
        this.plan,
        this.simulate,
        this.run,
      ),
      this.said,
      this.details,
      this.shut,
    );
  }

  listen() {
    this.stops = [keepShortcutsOff(this.root)];
    this.root.addEventListener("keydown", (event) => {
      const undo = (event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey;
      if (undo && !["INPUT", "SELECT"].includes(event.target.tagName) && !this.undo.disabled) {
        event.preventDefault();
        this.edit({ kind: "undo" });
      }
    });
    this.stops.push(
      listen(this.model, {
        "change:state": () => this.show(),
        "change:plan": () => this.showPlan(),
      }),
    );
  }

  end() {
    for (const stop of this.stops) stop();
    this.link.end();
    for (const timer of [this.sending, this.settling, this.again]) clearTimeout(timer);
  }

  // --- edits -----------------------------------------------------------------------------

  // A control sends itself: while typing after a moment, when left or chosen from at once.
  watch(control, send) {
    if (control.tagName === "SELECT") return control.addEventListener("change", () => send(true));
    control.addEventListener("input", () => {
      control.psw = true; // it was typed in: what comes from the kernel does not replace it
      this.typed.set(control, send);
      clearTimeout(this.sending);
      this.sending = setTimeout(() => this.flush(false), TYPING);
    });
    control.addEventListener("change", () => {
      this.typed.delete(control);
      send(true);
    });
    control.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      this.typed.delete(control);
      send(true);
    });
  }

  flush(enter = false) {
    clearTimeout(this.sending);
    const typed = [...this.typed.values()];
    this.typed.clear();
    for (const send of typed) send(enter);
  }

  // What the kernel has for a field, unless it has not heard yet what was typed there.
  put(control, value) {
    const typing = control.psw && !this.settled();
    if (!typing && control.value !== value) control.value = value;
    if (this.settled()) control.psw = false;
  }

  settled() {
    return this.typed.size === 0 && this.answered >= this.sent;
  }

  edit(message) {
    if (this.link.dead) return;
    if (message.kind !== "change" && message.kind !== "setting") this.flush();
    this.sent += 1;
    this.say("");
    this.send({ ...message, seq: this.sent });
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.send({ kind: "settle" }, false), PAUSE);
  }

  command(kind) {
    this.flush();
    for (const node of [this.plan, this.simulate, this.run]) node.disabled = true;
    this.commanding = true;
    this.send({ kind });
  }

  send(message, wait = true) {
    this.link.send(message, wait);
  }

  waits(is) {
    if (is) this.say("The kernel is busy; what you type is checked when it is free.");
    else if (this.busy) this.say("");
    this.busy = is;
  }

  hear(content) {
    if (content.seq) {
      this.answered = Math.max(this.answered, content.seq);
      if (content.bad) this.show();
    }
    if (content.kind === "window") return this.table.fill(content);
    if (content.kind === "cell_text") return this.table.heard(content.row, content.column, content.text);
    if (this.commanding && ["plan", "simulate", "run"].includes(content.of)) {
      this.commanding = false;
      this.offer();
    }
    if (content.text) this.say(content.text, content.bad);
    if (content.details) {
      setText(this.details, content.details);
      this.details.hidden = this.shut.hidden = false;
    } else if (content.of === "run" || content.of === "simulate") {
      this.details.hidden = this.shut.hidden = true;
    }
    this.show();
  }

  say(text, bad = false) {
    this.said.classList.toggle("psw-bad", Boolean(bad));
    setText(this.said, text);
  }

  die(what) {
    this.root.classList.add("pse-dead");
    this.choose("code");
    // The cell run again takes this output, and with it all that is left of what was typed.
    const next = this.code.textContent
      ? ". Put this code into a cell above and run that first: run alone, this cell begins anew."
      : ": run this cell again to edit.";
    this.say(`The kernel ${what}${next}`);
    this.root.insertBefore(this.said, this.views.code);
    for (const node of this.root.querySelectorAll("button, input, select")) {
      if (node !== this.copy && node !== this.insert) node.disabled = true;
    }
  }

  // --- state -----------------------------------------------------------------------------

  show() {
    const state = parse(this.model.get("state"));
    if (!state.rows || this.link.dead) return;
    this.state = state;
    setText(this.name, state.name || "psets");
    setText(this.counted, state.counted);
    this.counted.classList.toggle("psw-bad", !state.valid && !state.counted.includes("to compute"));
    setText(this.why, state.why);
    this.undo.disabled = !state.canUndo;
    this.rows.show(state);
    this.showSource(state);
    this.showEnds(state);
    setText(this.note, state.note);
    setText(this.code, state.code);
    this.code.hidden = !state.code;
    setText(this.codeProblem, state.codeProblem);
    this.codeProblem.hidden = !state.codeProblem;
    this.copy.disabled = !state.code;
    this.insert.disabled = !state.code;
    this.insert.hidden = !notebookOf(this.model);
    this.offer();
    if (this.tab === "table" && this.shownRevision !== state.revision) this.table.show(state);
    this.shownRevision = state.revision;
  }

  showSource(state) {
    this.other = state.byHand ? "rows" : "table";
    this.source.hidden = !state.byHand && !state.otherTable;
    setText(
      this.sourceText,
      state.byHand
        ? "The psets were edited by hand; the rows do not count."
        : "The rows count; there are also psets that were edited by hand.",
    );
    setText(this.switch, state.byHand ? "Use the rows" : "Use the edited psets");
    this.views.rows.classList.toggle("pse-idle", state.byHand);
  }

  showEnds(state) {
    const key = JSON.stringify(state.ends);
    if (this.endsKey === key) return;
    this.endsKey = key;
    const parts = state.ends.map(([at, pairs], i) => [
      el("dt", { text: state.ends.length === 1 ? "the pset" : i ? "last" : "first" }),
      el(
        "dd",
        {},
        ...pairs.map(([name, value]) =>
          el("span", { class: "pse-pair" }, el("span", { class: "psw-dim", text: `${name} ` }), value),
        ),
      ),
    ]);
    this.ends.replaceChildren(...parts.flat());
    this.ends.hidden = !parts.length;
  }

  offer() {
    const { state } = this;
    if (!state || this.link.dead) return;
    options(this.func, state.functions.length ? state.functions : [""], {
      "": "define a function in the notebook",
    });
    this.put(this.func, state.function);
    this.put(this.workers, state.workers);
    setText(this.where, state.where);
    const ready = state.valid && state.count > 0 && state.function && !this.commanding;
    for (const node of [this.plan, this.simulate, this.run]) node.disabled = !ready;
    this.simulate.hidden = !state.canSimulate;
    this.showPlan();
  }

  showPlan() {
    const plan = parse(this.model.get("plan"));
    const current = plan.revision === this.state?.revision;
    setText(this.planned, (current && plan.text) || "");
    this.planned.classList.toggle("psw-bad", Boolean(current && plan.bad));
    const todo = current && Number.isInteger(plan.todo) && !plan.bad;
    setText(this.run, todo && plan.todo ? `Run ${grouped(plan.todo)}` : "Run");
    if (this.tab === "table" && current && this.shownPlan !== plan.number) {
      this.shownPlan = plan.number;
      this.table.show(this.state); // states come with the rows
    }
    clearTimeout(this.again);
    if (current && plan.running && !this.link.dead) {
      const wait = this.state.count > FEW ? SLOW_PACE : PACE;
      this.again = setTimeout(() => this.send({ kind: "settle" }, false), wait);
    }
  }

  // --- views -----------------------------------------------------------------------------

  choose(tab) {
    this.tab = tab;
    for (const [name, view] of Object.entries(this.views)) {
      view.hidden = name !== tab;
      this.tabButtons[name].setAttribute("aria-selected", String(name === tab));
      this.tabButtons[name].tabIndex = name === tab ? 0 : -1;
    }
    if (tab === "table" && this.state) {
      this.flush();
      this.table.show(this.state);
    }
  }

  tabKey(event) {
    const names = Object.keys(this.tabButtons);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const to = names[(names.indexOf(this.tab) + by + names.length) % names.length];
    this.choose(to);
    this.tabButtons[to].focus();
    event.preventDefault();
  }

  // --- code ------------------------------------------------------------------------------

  async copyCode() {
    this.flush();
    this.say(await copied(this.code.textContent, this.code));
    this.copy.focus();
  }

  // Above the editor's own cell, so that Run All makes the psets before it opens them.
  insertCell() {
    const source = this.code.textContent.trimEnd();
    try {
      const { cells, sharedModel: shared } = notebookOf(this.model);
      const at = this.ownCell(cells);
      const target = this.state.name || "params";
      const above = at > 0 ? shared.cells[at - 1] : null;
      if (above?.getMetadata?.("psweep")?.edit === target) {
        above.setSource(source);
        this.say("The cell above was brought up to date.");
      } else {
        const cell = { cell_type: "code", source, metadata: { psweep: { edit: target } } };
        shared.insertCell(Math.max(at, 0), cell);
        this.say(at < 0 ? "Written into the first cell." : "Written into a cell above.");
      }
    } catch {
      this.insert.hidden = true;
      this.say("This front-end cannot insert cells; copy the code instead.", true);
    }
  }

  ownCell(cells) {
    const mine = this.model.get("ids");
    for (let i = 0; i < cells.length; i++) {
      const { outputs } = cells.get(i);
      for (let j = 0; j < (outputs?.length ?? 0); j++) {
        const view = outputs.get(j).data["application/vnd.jupyter.widget-view+json"];
        if (mine.includes(view?.model_id)) return i;
      }
    }
    return -1;
  }
}

function render({ model, el: root }) {
  const editor = new Editor(model, root);
  editor.show();
  editor.showPlan();
  editor.send({ kind: "hello" }, false);
  return () => editor.end();
}

export default { render };
