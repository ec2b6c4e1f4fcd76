// The line below a watched cell's output: what it follows, when it was drawn, how it failed.
// It also brings the output itself up to date in a page that was loaded later.

class Strip {
  constructor(model, root) {
    this.model = model;
    this.words = el("span", { role: "status", class: "psw-watch-words" });
    this.pace = el("span", { class: "psw-dim psw-watch-pace" });
    this.stop = el("button", { type: "button", class: "psw-button", text: "Stop watching" });
    this.stop.title = "Run the cell no more; the run goes on";
    this.summary = el("summary", { class: "psw-bad" });
    this.traceback = el("pre", { tabindex: "0", "aria-label": "Traceback" });
    this.error = el("details", { class: "psw-watch-error" }, this.summary, this.traceback);
    this.root = el(
      "div",
      { class: "psw psw-watch", role: "group", "aria-label": "Watched cell" },
      el("div", { class: "psw-watch-line" }, this.words, this.pace, this.stop),
      this.error,
    );
    root.append(this.root);
    this.stop.addEventListener("click", () => {
      this.stop.disabled = true;
      this.link.send({ kind: "stop" }, false);
    });
    this.link = new Link(model, { hear: () => {}, slow: () => {}, gone: () => this.die() });
    this.ends = [
      keepShortcutsOff(this.root),
      listen(model, { "change:state": () => this.show() }),
      () => this.link.end(),
    ];
    this.show();
    this.link.send({ kind: "hello" }, false);
  }

  show() {
    const state = parse(this.model.get("state"));
    if (this.link.dead || !state.words) return;
    setText(this.words, state.words);
    setText(this.pace, state.pace);
    this.root.classList.toggle("psw-watch-live", state.live);
    this.stop.hidden = !state.live;
    this.error.hidden = !state.error;
    setText(this.summary, state.error);
    setText(this.traceback, state.traceback);
    // What is over is told by the line that stays in the saved notebook.
    this.root.classList.toggle("psw-dead", !state.live);
  }

  die() {
    this.root.classList.add("psw-dead");
  }

  end() {
    for (const end of this.ends) end();
  }
}

function render({ model, el: root }) {
  const strip = new Strip(model, root);
  return () => strip.end();
}

export default { render };
