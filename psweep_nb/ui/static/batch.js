// The batch widget: what is chosen, each template with its placeholders, the files of a pset, and
// what will be written. All of it is in the kernel's `state`; the page shows it and asks.

const FRESH = 1500; // ms for which what was looked at counts: files change beside the notebook

class Batch {
  constructor(model, root) {
    this.model = model;
    this.looked = Date.now();
    this.link = new Link(model, {
      hear: (content) => this.hear(content),
      slow: (is) => this.waits(is),
      gone: (word) => this.die(word),
    });
    this.build(root);
    this.ends = [keepShortcutsOff(this.root), listen(model, { "change:state": () => this.show() })];
    for (const event of ["pointerenter", "focusin"]) {
      this.root.addEventListener(event, () => this.look());
    }
    this.show();
    this.link.send({ kind: "hello" }, false);
  }

  // --- structure -------------------------------------------------------------------------

  build(root) {
    this.counted = el("span", {});
    this.where = el("span", { class: "psw-dim psw-code psb-where" });
    this.psets = this.select("Psets", "psets");
    this.calc = this.input("Templates", "calc");
    this.machines = this.input("Machines", "machines");
    this.command = this.select("Command", "command");
    this.mode = this.select("Placeholders", "mode");
    this.writes = this.select("Which", "write");
    this.machine = this.select("Machine", "machine");
    this.starters = el("div", { class: "psb-starters" });
    this.problems = el("div", { class: "psb-problems psw-bad", role: "status" });
    this.files = el("ul", { class: "psb-files", "aria-label": "Files of each pset" });
    this.plan = el("div", { class: "psb-plan", role: "status" });
    this.run = el("div", { class: "psb-plan", role: "status" });
    this.write = this.button("Write", () => this.press("write"));
    this.submit = this.button("Submit", () => this.press("submit"));
    this.retry = this.button("Submit failed", () => this.press("retry"));
    this.sync = this.button("Sync", () => this.press("sync"));
    this.said = el("div", { class: "psw-said psb-said", role: "status" });
    this.body = el("div", { class: "psb-body" }, this.files, this.buildShown());
    this.buildCode();
    this.root = el(
      "div",
      { class: "psw psb", role: "group", "aria-label": "Batch preparation" },
      el(
        "div",
        { class: "psw-head psb-head" },
        el(
          "div",
          { class: "psb-what" },
          el("span", { class: "psb-title", text: "Batch" }),
          this.counted,
          this.where,
        ),
      ),
      el(
        "div",
        { class: "psb-bar" },
        ...[this.psets, this.calc, this.machines, this.command, this.mode].map((c) => c.box),
      ),
      this.starters,
      this.problems,
      this.body,
      el("div", { class: "psb-act" }, this.plan, this.writes.box, this.write),
      el(
        "div",
        { class: "psb-act" },
        ...[this.run, this.machine.box, this.submit, this.retry, this.sync, this.more],
      ),
      this.said,
      this.codeBox,
    );
    root.append(this.root);
  }

  buildShown() {
    this.file = el("span", { class: "psw-code psb-shown-name" });
    this.number = el("input", {
      type: "text", inputmode: "numeric", autocomplete: "off",
      class: "psw-input psb-number", "aria-label": "Number of the pset",
    });
    this.number.addEventListener("change", () => this.turn(Number.parseInt(this.number.value, 10)));
    this.back = this.button("Previous", () => this.turn(this.chosen.number - 1));
    this.next = this.button("Next", () => this.turn(this.chosen.number + 1));
    this.last = el("span", { class: "psw-dim" });
    this.pset = el("div", { class: "psb-pset psw-dim psw-code" });
    this.text = el("pre", { class: "psb-pre", tabindex: "0" });
    this.trouble = el("div", { class: "psb-trouble psw-bad" });
    this.note = el("div", { class: "psb-note psw-dim" });
    this.shown = el(
      "div",
      { class: "psb-shown" },
      el(
        "div",
        { class: "psb-shown-head" },
        this.file,
        el("span", { class: "psb-gap" }),
        el("span", { class: "psw-dim", text: "pset" }),
        this.number,
        this.last,
        this.back,
        this.next,
      ),
      this.pset,
      this.trouble,
      this.text,
      this.note,
    );
    return this.shown;
  }

  buildCode() {
    this.more = this.button("Code", () => {
      this.codeBox.hidden = !this.codeBox.hidden;
      this.more.setAttribute("aria-expanded", String(!this.codeBox.hidden));
    });
    this.more.setAttribute("aria-expanded", "false");
    this.code = el("pre", { class: "psb-pre", tabindex: "0", "aria-label": "Code" });
    this.copied = el("span", { class: "psw-dim", role: "status" });
    const copy = this.button("Copy", () => this.copy());
    const words = el("span", { class: "psw-dim psb-gap", text: "does the same; runs as it is" });
    this.codeBox = el(
      "div",
      { class: "psb-code" },
      el("div", { class: "psb-code-head" }, words, this.copied, copy),
      this.code,
    );
    this.codeBox.hidden = true;
  }

  button(text, act, kind = "") {
    const node = el("button", { type: "button", class: `psw-button ${kind}`, text });
    node.addEventListener("click", act);
    return node;
  }

  select(label, choice) {
    const list = el("select", { class: "psw-input psb-select" });
    list.addEventListener("change", () => this.choose({ [choice]: list.value }));
    return { box: el("label", { class: "psb-field" }, label, list), list, key: "" };
  }

  // A directory: one of those that are there, or typed.
  input(label, choice) {
    const list = el("datalist", { id: `psb-${choice}-${this.link.view}` });
    const input = el("input", {
      type: "text", class: "psw-input psb-path psw-code", list: list.id, autocomplete: "off", spellcheck: "false",
    });
    input.addEventListener("change", () => this.choose({ [choice]: input.value.trim() }));
    return { box: el("label", { class: "psb-field" }, label, input, list), input, list, key: "" };
  }

  // --- the kernel ------------------------------------------------------------------------

  choose(changes) {
    this.say("");
    this.link.send({ kind: "choose", changes });
  }

  turn(number) {
    if (Number.isInteger(number)) return this.choose({ number });
    this.number.value = this.chosen.number;
  }

  press(kind, about = "") {
    this.say("");
    this.disable(true);
    this.link.send({ kind, about });
  }

  look() {
    if (Date.now() - this.looked < FRESH) return;
    this.looked = Date.now();
    this.link.send({ kind: "look" }, false);
  }

  hear(content) {
    if (content.text) this.say(content.text, content.bad);
    if (content.of !== "look" && content.of !== "hello") this.show();
  }

  waits(is) {
    if (is) this.say("The kernel is busy; this is done when it is free.");
    else if (this.slow) this.say("");
    this.slow = is;
  }

  say(text, bad = false) {
    this.said.classList.toggle("psw-bad", Boolean(bad));
    setText(this.said, text);
  }

  die(word) {
    this.root.classList.add("psw-dead");
    this.say(`The kernel ${word}; run the cell again to go on. The code of what stood here:`);
  }

  end() {
    this.link.end();
    clearTimeout(this.copying);
    for (const end of this.ends) end();
  }

  // --- state -----------------------------------------------------------------------------

  show() {
    const state = parse(this.model.get("state"));
    if (this.link.dead || !state.choices) return;
    this.state = state;
    this.chosen = state.choices;
    setText(this.counted, state.counted);
    setText(this.where, state.where);
    this.showChoices(state);
    this.showStarters(state.starters);
    setText(this.problems, state.problems.join("\n"));
    this.problems.hidden = !state.problems.length;
    this.showFiles(state);
    this.showPset(state.shown);
    const lines = state.working ? [state.working] : state.plan;
    const key = JSON.stringify(lines);
    if (this.planKey !== key) {
      this.planKey = key;
      this.plan.replaceChildren(...lines.map((text) => el("div", { text })));
    }
    setText(this.run, state.run);
    setText(this.write, state.write);
    for (const name of ["write", "submit", "sync"]) {
      this[name].classList.toggle("psb-main", name === state.next);
    }
    setText(this.code, state.code);
    this.more.disabled = !state.code;
    this.disable(Boolean(state.working));
  }

  disable(working) {
    const { state } = this;
    this.write.disabled = working || !state?.canWrite;
    this.submit.disabled = this.sync.disabled = working || !state?.canSubmit;
    this.retry.disabled = working;
    this.retry.hidden = !state?.canRetry;
    for (const node of this.starters.querySelectorAll("button")) node.disabled = working;
    this.root.setAttribute("aria-busy", String(working));
  }

  showChoices({ choices, options }) {
    for (const name of ["psets", "command", "mode", "machine"]) {
      this.fill(this[name], options[name], choices[name]);
    }
    this.fill(this.writes, options.write, choices.write);
    this.command.box.hidden = !options.command.length;
    this.machine.box.hidden = !options.machine.length;
    for (const name of ["calc", "machines"]) {
      const control = this[name];
      const key = options[name].join("\n");
      if (control.key !== key) {
        control.key = key;
        control.list.replaceChildren(...options[name].map((value) => el("option", { value })));
      }
      if (control.input !== document.activeElement) control.input.value = choices[name];
    }
  }

  // Lists are made anew only when they changed: one that is open must stay so.
  fill(select, options, value) {
    const key = JSON.stringify(options);
    if (select.key !== key) {
      select.key = key;
      select.list.replaceChildren(...options.map(([value, text]) => el("option", { value, text })));
    }
    if (select.list.value !== value) select.list.value = value;
  }

  showStarters(starters) {
    this.starters.hidden = !starters.length;
    const key = JSON.stringify(starters);
    if (this.starterKey === key) return;
    this.starterKey = key;
    const rows = starters.map(({ kind, text, code }) =>
      el(
        "div",
        { class: "psb-starter" },
        this.button(text, () => this.press("start", kind)),
        el("code", { class: "psw-code psw-dim", text: code }),
      ),
    );
    const words = "There are no templates yet. These are small ones that work, to be changed:";
    this.starters.replaceChildren(el("div", { text: words }), ...rows);
  }

  // --- files -----------------------------------------------------------------------------

  showFiles({ sheets, more, choices }) {
    this.body.hidden = !sheets.length;
    const key = JSON.stringify([sheets, more]);
    if (this.filesKey !== key) {
      this.filesKey = key;
      const focused = this.files.contains(document.activeElement) && document.activeElement.value;
      const rows = sheets.map((sheet) => this.row(sheet));
      if (more) rows.push(el("li", { class: "psw-dim", text: `${more} more files` }));
      this.files.replaceChildren(...rows);
      if (focused) this.fileButton(focused)?.focus();
    }
    for (const node of this.files.querySelectorAll("button")) {
      const on = node.value === choices.file;
      node.setAttribute("aria-pressed", String(on));
      node.closest("li").classList.toggle("psb-chosen", on);
    }
  }

  fileButton(value) {
    return [...this.files.querySelectorAll("button")].find((node) => node.value === value);
  }

  row(sheet) {
    const name = el("button", {
      type: "button", class: "psb-file psw-code", value: sheet.key, text: sheet.name, title: sheet.path,
    });
    name.addEventListener("click", () => this.choose({ file: sheet.key }));
    const wants = sheet.wants.map((want) => this.want(want));
    if (sheet.more) wants.push(el("span", { class: "psw-dim", text: `${sheet.more} more` }));
    const note = el("span", { class: sheet.bad ? "psw-bad" : "psw-dim", text: sheet.note });
    const line = el("div", { class: "psb-line" }, name, note);
    return el("li", {}, line, el("div", { class: "psb-wants" }, ...wants));
  }

  want({ name, state, value, where }) {
    const missing = state === "missing";
    const more = missing ? `${value}, ${where}` : value;
    return el(
      "span",
      { class: `psb-want psb-${state}`, title: where },
      el("span", { class: "psw-code", text: name }),
      el("span", { class: missing ? "" : "psw-dim psw-code", text: more }),
    );
  }

  showPset(shown) {
    const { file, number } = this.chosen;
    this.shown.hidden = shown.total === undefined;
    if (this.shown.hidden) return;
    setText(this.file, file);
    if (this.number !== document.activeElement) this.number.value = number;
    setText(this.last, `of ${shown.total}, from 0 on`);
    this.back.disabled = number <= 0;
    this.next.disabled = number >= shown.total - 1;
    setText(this.pset, shown.pset);
    setText(this.trouble, shown.problem);
    this.trouble.hidden = !shown.problem;
    setText(this.text, shown.text);
    this.text.hidden = !shown.text;
    this.text.setAttribute("aria-label", `${file} of pset ${number}`);
    setText(this.note, shown.note);
  }

  // --- code ------------------------------------------------------------------------------

  async copy() {
    setText(this.copied, await copied(this.code.textContent, this.code));
    clearTimeout(this.copying);
    this.copying = setTimeout(() => setText(this.copied, ""), 3000);
  }
}

function render({ model, el: root }) {
  const batch = new Batch(model, root);
  return () => batch.end();
}

export default { render };
