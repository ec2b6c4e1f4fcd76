// The panel of a run. Shows texts that the kernel keeps up to date (`header`, `known`, `rows`,
// `groups`, `plot`) and sends back what a person asks for. All views show what was asked last.

const SILENCE = 6000; // ms without news of a run at work after which we say so

class Panel {
  constructor(model, root) {
    this.model = model;
    this.view = `psw-${Math.random().toString(36).slice(2)}`;
    this.news = performance.now();
    this.link = new Link(model, {
      hear: (content) => this.hear(content),
      slow: (is) => this.waits(is),
      gone: (word) => this.die(word),
    });
    this.head = new Head({
      command: (command) => this.link.send({ kind: "command", command }),
      choose: (state) => this.ask({ state, kind: "" }),
    });
    this.tools = new Tools(this.view, {
      ask: (changes) => this.ask(changes),
      retry: (group) => this.link.send({ kind: "command", command: "retry_group", group }),
    });
    this.grid = new Grid(this.view, {
      ask: (start, stop) => this.link.send({ kind: "window", start, stop }, false),
      open: (index) => this.choosePset(index),
      sort: (sort, descending) => this.ask({ sort, descending }),
    });
    this.plot = new Plot(this.tools, {
      ask: (changes) => this.ask(changes),
      open: (index) => this.choosePset(index),
    });
    this.detail = new Detail({
      closed: () => this.close(),
      insert: (code) => insertBehind(model, this.slot, code),
      canInsert: () => notebookOf(model) !== null,
    });
    this.said = el("div", { class: "psw-said", role: "status" });
    this.root = el(
      "div",
      { class: "psw", role: "group", "aria-label": "Run" },
      ...this.head.parts,
      this.said,
      ...this.tools.parts,
      this.plot.node,
      ...this.grid.parts,
      this.detail.node,
    );
    root.append(this.root);
    this.listen();
  }

  listen() {
    const heard = listen(this.model, {
      "change:header": () => this.showHeader(),
      "change:known": () => this.showKnown(),
      "change:rows": () => this.showRows(),
      "change:groups": () => this.showGroups(),
      "change:plot": () => this.showPlot(),
    });
    const clock = setInterval(() => this.tick(), 1000);
    this.stops = [heard, keepShortcutsOff(this.root), () => clearInterval(clock)];
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.open == null) return;
      event.stopPropagation();
      this.close();
    });
  }

  start() {
    this.showHeader();
    this.showKnown();
    this.showRows();
    this.showGroups();
    this.link.send({ kind: "hello" }, false);
  }

  end() {
    for (const stop of this.stops) stop();
    this.link.end();
    this.grid.end();
    this.tools.end();
    clearTimeout(this.forget);
    clearTimeout(this.later);
  }

  // --- the kernel ------------------------------------------------------------------------

  // Asks for something else to be shown; what was chosen is marked at once.
  ask(changes) {
    if (this.link.dead) return;
    const query = { ...this.known?.query, ...changes };
    this.known = { ...this.known, query };
    if (["state", "sort", "descending", "filter", "kind"].some((name) => name in changes)) {
      this.grid.restart(query);
    }
    this.showControls();
    this.link.send({ kind: "query", query });
  }

  hear(content) {
    if (content.kind === "hello") this.slot = content.slot?.slot;
    else if (content.kind === "window") this.grid.answer(content.table);
    else if (content.kind === "detail") this.showDetail(content.index, content.detail);
    else if (content.kind === "query") this.tools.complain("");
    else if (content.kind === "said") this.hearSaid(content);
  }

  hearSaid({ text, bad, about }) {
    if (about === "query") {
      this.tools.complain(text);
      this.known = parse(this.model.get("known"));
      return this.showControls();
    }
    this.say(text, bad);
    if (bad) this.head.offer(this.current?.buttons ?? [], true);
    else this.forget = setTimeout(() => this.say(""), 8000);
  }

  waits(is) {
    if (is) this.say("The kernel is busy; it answers when the cell has ended.", false, true);
    else if (this.saidWaiting) this.say("");
  }

  die(word) {
    this.root.classList.add("psw-dead");
    this.head.dead = true;
    this.say(
      `The kernel ${word}; this panel stands still (as of ${this.current?.clock ?? "before"}). ` +
        "The run does not need it: %psweep attach shows how it goes on.",
    );
    for (const node of this.root.querySelectorAll("button, input, select")) node.disabled = true;
    this.close();
  }

  say(text, bad = false, waiting = false) {
    clearTimeout(this.forget);
    this.saidWaiting = waiting;
    this.said.classList.toggle("psw-bad", bad);
    setText(this.said, text);
  }

  tick() {
    if (this.link.dead || !this.current || this.current.ended) return;
    const silent = performance.now() - this.news;
    const text = `No news from the kernel since ${this.current.clock}.`;
    if (silent > SILENCE) this.say(text, false, true);
    else if (this.said.textContent.startsWith("No news")) this.say("");
  }

  // --- what it shows ---------------------------------------------------------------------

  showHeader() {
    const head = parse(this.model.get("header"));
    if (!head.name || this.link.dead) return;
    const was = this.current;
    this.current = head;
    // What a click said is over then.
    if (head.state === "stopped" && was && was.state !== "stopped" && !this.said.matches(".psw-bad")) this.say("");
    if (head.ended && was && !was.ended) this.refreshDetail();
    this.news = performance.now();
    this.root.setAttribute("aria-label", head.name);
    this.root.dataset.state = head.state ?? "unknown";
    const state = this.known?.query?.state ?? "all";
    this.head.show(head, state);
    setText(this.grid.empty, this.nothing(head, state));
    this.grid.reserve(head.total);
    this.showGroups();
  }

  nothing(head, state) {
    const { filter, kind } = this.known?.query ?? {};
    if (filter || kind) return "No pset fits the filter.";
    return state === "all" ? head.empty : `No ${state} psets.`;
  }

  showKnown() {
    const known = parse(this.model.get("known"));
    if (!known.query || this.link.dead) return;
    const was = this.known?.query;
    this.known = known;
    const { query } = known;
    // Another view of this run, or the page before its reload, asked for something else.
    const same = ["state", "sort", "descending", "filter", "kind"].every((name) => was?.[name] === query[name]);
    if (!same) this.grid.restart(query);
    this.showControls();
  }

  showControls() {
    this.grid.query = this.known.query;
    this.tools.show(this.known);
    if (this.current) this.showHeader();
    this.showPlot();
  }

  showRows() {
    const table = parse(this.model.get("rows"));
    if (!table.columns || this.link.dead) return;
    this.grid.offer(table);
    // One that has ended may be tried again while the run is at work.
    if (this.openLive || !this.current?.ended) this.refreshDetail();
  }

  showGroups() {
    if (this.link.dead) return;
    const groups = parse(this.model.get("groups") || "[]");
    const failed = this.known?.query?.state === "failed" && Array.isArray(groups);
    const can = (this.current?.buttons ?? []).some(({ command }) => command === "retry");
    this.tools.showGroups(failed ? groups : [], can);
  }

  showPlot() {
    if (!this.link.dead && this.known) this.plot.show(parse(this.model.get("plot")), this.known);
  }

  // --- detail ----------------------------------------------------------------------------

  choosePset(index) {
    if (this.open === index) return this.close();
    this.open = index;
    this.openLive = false;
    this.grid.mark(index);
    this.askDetail(true);
  }

  // Once a second at most, and never leaves out the last.
  refreshDetail() {
    clearTimeout(this.later);
    if (this.open == null || this.link.dead) return;
    const left = 1000 - (performance.now() - this.asked);
    if (left <= 0) this.askDetail(false);
    else this.later = setTimeout(() => this.refreshDetail(), left);
  }

  askDetail(byPerson) {
    this.asked = performance.now();
    this.link.send({ kind: "detail", index: this.open }, byPerson);
  }

  showDetail(index, detail) {
    if (index !== this.open || !detail) return;
    this.openLive = detail.live;
    const text = JSON.stringify(detail);
    if (text === this.detailed && !this.detail.node.hidden) return; // what is selected in it stays
    this.detailed = text;
    this.detail.show(detail);
  }

  close() {
    const inside = this.detail.node.contains(document.activeElement);
    this.open = null;
    this.detail.close();
    this.grid.mark(null);
    if (inside) this.grid.table.focus();
  }
}

function render({ model, el: root }) {
  const panel = new Panel(model, root);
  panel.start();
  return () => panel.end();
}

export default { render };
