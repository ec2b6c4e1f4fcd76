// A live plot of one column against another, as SVG of a few elements however many points.

const SVG = "http://www.w3.org/2000/svg";
const PLOT = { width: 640, height: 240, left: 62, right: 14, top: 10, bottom: 38 };

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// About `count` round numbers from low to high.
function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * span && found.length < 20; i++) {
    found.push(i * step);
  }
  return found;
}

function decades(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / 8));
  const found = [];
  for (let power = first; power <= last; power += every) found.push(10 ** power);
  return found.length > 1 ? found : ticks(low, high, 4).filter((value) => value > 0);
}

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

// From values to pixels; with its ticks.
class Axis {
  constructor(values, from, to, { log = false, texts = null, count = 5 }) {
    this.log = log && !texts && values.every((value) => value > 0);
    const place = (value) => (this.log ? Math.log10(value) : value);
    let low = Math.min(...values);
    let high = Math.max(...values);
    if (low === high) [low, high] = this.log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
    const margin = 0.04 * (place(high) - place(low));
    const start = place(low) - margin;
    const scale = (to - from) / (place(high) + margin - start || 1);
    this.at = (value) => from + (place(value) - start) * scale;
    if (texts) {
      const every = Math.ceil(texts.length / 10);
      this.ticks = texts.map((text, i) => [i, text]).filter(([i]) => i % every === 0 && i <= high);
    } else {
      const found = this.log ? decades(low, high) : ticks(low, high, count);
      this.ticks = found.map((value) => [value, number(value)]);
    }
  }
}

class Plot {
  // ask(changes): of the query; open(index): the detail of a pset
  constructor(tools, { ask, open }) {
    this.tools = tools;
    this.ask = ask;
    this.open = open;
    this.logs = { x: false, y: false };
    this.controls = el("div", { class: "psw-plot-controls" });
    this.figure = svg("svg", {
      viewBox: `0 0 ${PLOT.width} ${PLOT.height}`,
      class: "psw-plot-figure",
      role: "img",
    });
    this.figure.addEventListener("pointermove", (event) => this.point(event));
    this.figure.addEventListener("pointerleave", () => this.point(null));
    this.figure.addEventListener("click", () => this.near && this.open(this.near[0]));
    this.note = el("div", { class: "psw-dim psw-plot-note" });
    this.node = el("div", { class: "psw-plot", role: "group", "aria-label": "Plot" }, this.controls, this.figure, this.note);
    this.node.hidden = true;
  }

  show(data, known) {
    this.node.hidden = !known.query?.plot;
    if (this.node.hidden) return;
    this.data = data;
    this.drawControls(known.columns ?? []);
    this.draw();
  }

  drawControls(columns) {
    const { x_id: x, y_id: y } = this.data;
    const key = JSON.stringify([columns, x, y]);
    if (key === this.controlsKey) return;
    this.controlsKey = key;
    const focused = this.controls.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    const select = (name, of, chosen, field) =>
      this.tools.select(name, of, chosen, (id) => this.ask({ [field]: id }));
    this.controls.replaceChildren(
      el("span", { class: "psw-plot-axis-of" }, select("x", columns, x, "x"), this.logBox("x")),
      el(
        "span",
        { class: "psw-plot-axis-of" },
        select("y", columns.filter((column) => column.numeric), y, "y"),
        this.logBox("y"),
      ),
    );
    if (focused) this.controls.querySelector(`[data-of="${focused}"]`)?.focus();
  }

  logBox(axis) {
    const box = el("input", { type: "checkbox", "aria-label": `Logarithmic ${axis} axis` });
    box.dataset.of = `log-${axis}`;
    box.checked = this.logs[axis];
    box.addEventListener("change", () => {
      this.logs[axis] = box.checked;
      this.draw();
    });
    return el("label", { class: "psw-check" }, box, el("span", { text: "log" }));
  }

  draw() {
    const { points = [], means = [], texts = null, x, y } = this.data;
    this.near = null;
    this.mark = svg("g", { class: "psw-plot-mark" });
    const { width, height, left, right, top, bottom } = PLOT;
    if (!points.length) {
      const text = y ? "Points appear here as psets end." : "No result is a number yet.";
      this.figure.replaceChildren(svg("text", { x: width / 2, y: height / 2, class: "psw-plot-label", "text-anchor": "middle", text }));
      this.describe(0);
      return;
    }
    const across = new Axis(points.map((p) => p[1]), left, width - right, { log: this.logs.x, texts, count: 7 });
    const up = new Axis(points.map((p) => p[2]), height - bottom, top, { log: this.logs.y });
    this.places = points.map((p) => [p, across.at(p[1]), up.at(p[2])]);
    const dots = this.places.map(([, px, py]) => `M${px.toFixed(1)} ${py.toFixed(1)}h0`).join("");
    const many = points.length > 300;
    this.figure.replaceChildren(
      ...this.grid(across, up, { x, y, texts }),
      svg("path", { d: dots, class: `psw-plot-dots${many ? " psw-plot-many" : ""}` }),
      ...this.line(means, across, up),
      this.mark,
    );
    this.describe(points.length);
  }

  line(means, across, up) {
    if (means.length < 2 || this.data.texts) return [];
    const d = means.map(([mx, my], i) => `${i ? "L" : "M"}${across.at(mx).toFixed(1)} ${up.at(my).toFixed(1)}`);
    return [svg("path", { d: d.join(""), class: "psw-plot-line" })];
  }

  grid(across, up, { x, y }) {
    const { width, height, left, right, top, bottom } = PLOT;
    const cut = (text, n) => (text.length > n ? `${text.slice(0, n - 1)}…` : text);
    const label = (attributes) => svg("text", { class: "psw-plot-label", ...attributes });
    return [
      ...up.ticks.map(([value]) =>
        svg("path", { d: `M${left} ${up.at(value).toFixed(1)}H${width - right}`, class: "psw-plot-grid" }),
      ),
      svg("path", { d: `M${left} ${top}V${height - bottom}H${width - right}`, class: "psw-plot-axis" }),
      ...across.ticks.map(([value, text]) =>
        label({ x: across.at(value).toFixed(1), y: height - bottom + 15, "text-anchor": "middle", text: cut(text, 12) }),
      ),
      ...up.ticks.map(([value, text]) =>
        label({ x: left - 6, y: (up.at(value) + 4).toFixed(1), "text-anchor": "end", text }),
      ),
      label({ x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle", text: cut(x, 60) }),
      label({ x: 0, y: 0, "text-anchor": "middle", transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)`, text: cut(y, 30) }),
    ];
  }

  describe(count) {
    const { x, y, every, left_out: out, means = [] } = this.data;
    const notes = [];
    if (count) notes.push(every > 1 ? `every ${every}th pset that ended: ${count} points` : `${count} points`);
    if (means.length > 1 && !this.data.texts) notes.push("the line joins their means");
    if (out) notes.push(`${out} without finite numbers left out`);
    for (const axis of ["x", "y"]) {
      const place = axis === "x" ? 1 : 2;
      if (this.logs[axis] && count && this.data.points.some((p) => p[place] <= 0)) {
        notes.push(`${axis} has values that a log axis cannot show`);
      }
    }
    setText(this.note, notes.join(" · "));
    this.figure.setAttribute("aria-label", y ? `${y} against ${x}: ${notes.join(", ")}` : "No plot yet");
  }

  // Shows the pset nearest to the pointer.
  point(event) {
    this.near = null;
    this.mark?.replaceChildren();
    if (!event || !this.places?.length || !this.data.points.length) return;
    const box = this.figure.getBoundingClientRect();
    const scale = Math.min(box.width / PLOT.width, box.height / PLOT.height) || 1;
    const px = (event.clientX - box.left - (box.width - PLOT.width * scale) / 2) / scale;
    const py = (event.clientY - box.top) / scale;
    let best = 15 ** 2;
    let found = null;
    for (const place of this.places) {
      const far = (place[1] - px) ** 2 + (place[2] - py) ** 2;
      if (far < best) [best, found] = [far, place];
    }
    if (!found) return;
    const [point, x, y] = found;
    this.near = point;
    const right = x > PLOT.width / 2;
    const xs = this.data.texts ? this.data.texts[point[1]] : number(point[1]);
    this.mark.append(
      svg("circle", { cx: x, cy: y, r: 5 }),
      svg("text", {
        x: x + (right ? -9 : 9),
        y: y < 30 ? y + 16 : y - 8,
        class: "psw-plot-label psw-plot-here",
        "text-anchor": right ? "end" : "start",
        text: `pset ${point[0]}: ${xs}, ${number(point[2])}`,
      }),
    );
  }
}
