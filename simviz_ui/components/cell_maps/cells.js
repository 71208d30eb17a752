/* Cell to cell. All that is shown comes from the numbers that were sent; nothing asks the server.
   A block is {side, top, left, bottom, right}, its last row and column belonging to it. */
const OTHER = { query: "match", match: "query" };
const TITLE = { query: "Query", match: "Match" };
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const HINT = "Point at a cell of either image to see which cells of the other one it pairs with. "
  + "Click to pin it, drag over several to add them up.";

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
function drawn(tag, className, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  made.setAttribute("class", className);
  made.append(...children);
  return made;
}
function spanned(one, other) {
  return { side: one.side,
    top: Math.min(one.top, other.top), left: Math.min(one.left, other.left),
    bottom: Math.max(one.bottom, other.bottom), right: Math.max(one.right, other.right) };
}
function countOf(block) {
  return (block.bottom - block.top + 1) * (block.right - block.left + 1);
}
function asText(block) {
  if (!block) return "";
  const corners = [block.side, block.top, block.left];
  return (countOf(block) > 1 ? [...corners, block.bottom, block.right] : corners).join();
}
function fromText(text, grids) {
  const [side, ...corners] = (text || "").split(",");
  if (!OTHER[side]) return null;
  const [top, left, bottom = top, right = left] = corners.map(Number);
  return bottom < grids[side][0] && right < grids[side][1] ? { side, top, left, bottom, right } : null;
}
function inWords(block) {
  return countOf(block) > 1
    ? `rows ${block.top}–${block.bottom}, columns ${block.left}–${block.right}`
    : `row ${block.top}, column ${block.left}`;
}
function figure(value) {
  const text = value === 0 || Math.abs(value) >= 1e-4 ? value.toPrecision(4) : value.toExponential(3);
  return element("b", { textContent: value === 0 ? "0" : text, title: String(value) });
}
function share(part, whole) {
  return whole ? `${(100 * part / whole).toFixed(1)}%` : "–";
}

/* What the page was given, its numbers decoded. */
function decodedData(raw) {
  const floats = (text) => (text ? new Float32Array(decoded(text)) : null);
  const of = (name, make) => ({ query: make(raw.query[name]), match: make(raw.match[name]) });
  const maps = of("map", floats), others = of("shown", floats);
  /* What the pictures show: what cells contribute, or other maps instead. */
  const shown = { query: others.query || maps.query, match: others.match || maps.match };
  return { raw, pairs: floats(raw.pairs), maps, shown, rests: of("rest", floats),
    grids: of("grid", (grid) => grid), scales: of("scale", (scale) => scale),
    tables: { sequential: lookupTable(raw.tables.sequential),
      diverging: lookupTable(raw.tables.diverging),
      contrast: lookupTable(raw.tables.diverging, true) } };
}
function added(values, block, columns) {
  let total = 0;
  for (let row = block.top; row <= block.bottom; row++) {
    for (let column = block.left; column <= block.right; column++) total += values[row * columns + column];
  }
  return total;
}
/* What a block contributes with each cell of the other image. */
function partnerMap({ pairs, grids }, block) {
  const [rows, columns] = grids[OTHER[block.side]];
  const count = rows * columns, isQuery = block.side === "query";
  const own = grids[block.side][1], width = grids.match[0] * grids.match[1];
  const sums = new Float64Array(count);
  for (let row = block.top; row <= block.bottom; row++) {
    for (let column = block.left; column <= block.right; column++) {
      const cell = row * own + column;
      for (let other = 0; other < count; other++) {
        sums[other] += isQuery ? pairs[cell * width + other] : pairs[other * width + cell];
      }
    }
  }
  return Float32Array.from(sums);
}
function strongest(values, columns) {
  let best = 0;
  for (let cell = 1; cell < values.length; cell++) if (values[cell] > values[best]) best = cell;
  return { row: Math.floor(best / columns), column: best % columns };
}

function buildSide(side) {
  const svg = drawn("svg", "marks", drawn("path", "grid"),
    drawn("g", "source", drawn("rect", "halo"), drawn("rect", "frame")),
    drawn("g", "partner", drawn("rect", "halo"), drawn("rect", "frame")));
  svg.setAttribute("preserveAspectRatio", "none");
  const image = element("img", { draggable: false }), heat = element("canvas", { className: "heat" });
  const picture = element("div", { className: "picture", tabIndex: 0 }, image, heat, svg);
  picture.dataset.side = side;
  picture.setAttribute("role", "application");
  const bar = element("canvas", { width: STEPS, height: 1 });
  const ends = [0, 1, 2].map(() => element("span", {}));
  const measure = element("div", { className: "measure" });
  const scale = element("div", { className: "scale" }, bar,
    element("div", { className: "ends" }, ...ends), measure);
  return { side, svg, image, heat, picture, bar, ends, measure,
    figure: element("div", { className: "side" }, picture, scale) };
}
function frame(group, block) {
  group.style.display = block ? "" : "none";
  if (!block) return;
  for (const rect of group.children) {
    rect.setAttribute("x", block.left);
    rect.setAttribute("y", block.top);
    rect.setAttribute("width", block.right - block.left + 1);
    rect.setAttribute("height", block.bottom - block.top + 1);
  }
}
function cellAt(view, event, [rows, columns]) {
  const box = view.picture.getBoundingClientRect();
  const within = (share, cells) => Math.min(Math.max(Math.floor(share * cells), 0), cells - 1);
  const row = within((event.clientY - box.top) / box.height, rows);
  const column = within((event.clientX - box.left) / box.width, columns);
  return { side: view.side, top: row, left: column, bottom: row, right: column };
}

class Inspector {
  constructor(outer) {
    this.views = { query: buildSide("query"), match: buildSide("match") };
    this.words = element("div", { className: "words" });
    this.words.setAttribute("aria-live", "polite");
    this.unpin = element("button", { type: "button", textContent: "Unpin", hidden: true,
      onclick: () => this.pin(null) });
    this.outer = outer;
    outer.replaceChildren(
      element("div", { className: "sides" }, this.views.query.figure, this.views.match.figure),
      element("div", { className: "readout" }, this.words, this.unpin));
    for (const view of Object.values(this.views)) {
      this.listen(view);
      view.picture.append(lookButton(() => Object.values(this.views).map(({ image, heat }) => (
        { source: image.src, heat: heat.toDataURL(), alt: image.alt }))));
    }
    this.pinned = this.pointed = this.anchor = this.dragged = null;
  }

  listen(view) {
    const { picture } = view;
    const here = (event) => cellAt(view, event, this.data.grids[view.side]);
    picture.onpointermove = (event) => {
      const cell = here(event);
      if (asText(cell) === asText(this.pointed)) return;
      this.pointed = cell;
      if (this.anchor) this.dragged = spanned(this.anchor, cell);
      this.show();
    };
    picture.onpointerdown = (event) => {
      if (event.button !== 0) return;
      picture.setPointerCapture(event.pointerId);
      this.anchor = this.pointed = this.dragged = here(event);
      this.show();
    };
    picture.onpointerup = () => {
      if (!this.anchor) return;
      const isClick = countOf(this.dragged) === 1, { dragged, pinned } = this;
      this.anchor = this.dragged = null;
      const isInside = pinned && pinned.side === dragged.side
        && asText(spanned(pinned, dragged)) === asText(pinned);
      this.pin(isClick && isInside ? null : dragged);
    };
    picture.onpointercancel = picture.onlostpointercapture = () => {
      if (!this.anchor) return;
      this.anchor = this.dragged = null;
      this.show();
    };
    picture.onpointerleave = () => {
      if (this.anchor) return;
      this.pointed = null;
      this.show();
    };
    picture.onkeydown = (event) => this.press(event, view.side);
  }

  press(event, side) {
    const step = ARROWS[event.key], { pinned } = this;
    if (event.key === "Escape" && pinned) this.pin(null);
    else if ((step || event.key === "Enter" || event.key === " ") && pinned?.side !== side) {
      const [, columns] = this.data.grids[side];
      const { row, column } = strongest(this.data.shown[side], columns);
      this.pin({ side, top: row, left: column, bottom: row, right: column });
    } else if (step) this.pin(this.moved(pinned, step, event.shiftKey));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /* The block one cell further; extended, its last row or column alone moves. */
  moved(block, [down, across], isExtended) {
    const [rows, columns] = this.data.grids[block.side];
    const bottom = Math.min(block.bottom + down, rows - 1), right = Math.min(block.right + across, columns - 1);
    if (isExtended) return { ...block, bottom: Math.max(bottom, block.top), right: Math.max(right, block.left) };
    const top = Math.max(block.top + bottom - block.bottom, 0);
    const left = Math.max(block.left + right - block.right, 0);
    return { side: block.side, top, left,
      bottom: top + block.bottom - block.top, right: left + block.right - block.left };
  }

  pin(block) {
    if (asText(block) !== asText(this.pinned)) this.send(asText(block));
    this.pinned = block;
    this.show();
  }

  take(raw, send) {
    this.send = (text) => send("pinned", text);
    if (raw === this.raw) return;
    const before = this.raw, held = asText(this.pinned);
    this.raw = raw;
    this.data = decodedData(raw);
    const isSameView = before?.view === raw.view
      && ["query", "match"].every((side) => String(before[side].grid) === String(raw[side].grid));
    // While the view is the same the browser knows better than the link that it began with.
    const isSamePin = isSameView && before.pinned === raw.pinned;
    this.pinned = fromText(isSamePin ? held : raw.pinned, this.data.grids);
    if (!isSameView) this.pointed = this.anchor = this.dragged = null;
    for (const view of Object.values(this.views)) this.dress(view, raw);
    this.show();
  }

  dress(view, raw) {
    const { picture, alt, width, height, grid: [rows, columns] } = raw[view.side];
    if (view.image.src !== picture) view.image.src = picture;
    Object.assign(view.image, { alt, width, height });
    Object.assign(view.heat, { width, height });
    view.heat.style.setProperty("--opacity", raw.opacity);
    view.picture.setAttribute("aria-label", `${alt}. Arrow keys choose a cell, with Shift several; Escape lets go.`);
    view.svg.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    let lines = "";
    for (let row = 1; row < rows; row++) lines += `M0 ${row}H${columns}`;
    for (let column = 1; column < columns; column++) lines += `M${column} 0V${rows}`;
    view.svg.querySelector(".grid").setAttribute("d", lines);
    view.painted = null;
  }

  show() {
    const block = this.dragged || this.pinned || this.pointed;
    this.outer.classList.toggle("active", Boolean(block));
    this.outer.dataset.block = asText(block);
    this.unpin.hidden = !this.pinned;
    const values = block && partnerMap(this.data, block);
    for (const view of Object.values(this.views)) {
      const isPartner = block && view.side !== block.side;
      const key = isPartner ? asText(block) : "whole";
      if (view.painted !== key) {
        // A block's map has a scale of its own: beside the strongest cell's most would be black.
        if (isPartner) {
          this.colour(view, values, ownScale(values), countOf(block) > 1
            ? "contribution together with the framed cells" : "contribution together with the framed cell");
        } else {
          this.colour(view, this.data.shown[view.side], this.data.scales[view.side],
            this.raw.measured || "contribution of a cell to the similarity");
        }
        view.painted = key;
      }
      frame(view.svg.querySelector(".source"), block && !isPartner ? block : null);
      frame(view.svg.querySelector(".partner"), isPartner ? this.partnerOf(block, values) : null);
    }
    this.words.replaceChildren(...(block ? this.describe(block, values) : [element("div", { className: "hint", textContent: HINT })]));
  }

  colour(view, values, scale, measure) {
    const table = this.data.tables[scale.colours];
    paint(view.heat, values, this.data.grids[view.side], scale, table, this.raw.smooth);
    paintBar(view.bar, table);
    [scale.low, (scale.low + scale.high) / 2, scale.high].forEach((value, place) => {
      view.ends[place].textContent = Number(value.toPrecision(3));
    });
    view.measure.textContent = measure;
  }

  /* The cell of the other image under consideration: the one pointed at, or the strongest. */
  partnerOf(block, values) {
    const { pointed } = this;
    if (this.pinned && !this.dragged && pointed && pointed.side !== block.side) return pointed;
    const side = OTHER[block.side];
    const { row, column } = strongest(values, this.data.grids[side][1]);
    return { side, top: row, left: column, bottom: row, right: column };
  }

  describe(block, values) {
    const { data } = this, side = OTHER[block.side];
    const columns = data.grids[block.side][1];
    const whole = added(data.maps[block.side], block, columns);
    const partner = this.partnerOf(block, values);
    const value = values[partner.top * data.grids[side][1] + partner.left];
    const rest = data.rests[block.side] ? added(data.rests[block.side], block, columns) : 0;
    const isPointed = partner === this.pointed;
    const isOther = this.raw.measured && (this.raw.adds_up || countOf(block) === 1);
    const shown = isOther ? added(data.shown[block.side], block, columns) : 0;
    const first = element("div", {}, `${TITLE[block.side]}, ${inWords(block)}: `, figure(whole),
      ` of the similarity ${this.raw.similarity.toFixed(4)}, ${share(whole, this.raw.similarity)} of it`,
      ...(rest ? ["; ", figure(rest), ` of this belongs to no cell of the ${side}`] : []),
      ...(isOther ? ["; ", figure(shown), ` ${this.raw.measured}`] : []));
    const second = element("div", {}, isPointed ? `With the ${side}, ` : `Strongest partner, ${side}, `,
      `${inWords(partner)}: `, figure(value), `, ${share(value, whole)} of what `,
      countOf(block) > 1 ? "these cells contribute" : "this cell contributes");
    Object.assign(first.dataset, { contribution: whole, rest });
    Object.assign(second.dataset, { partner: `${partner.top},${partner.left}`, contribution: value });
    return [first, second];
  }
}

export default function ({ parentElement, data, setStateValue }) {
  let outer = parentElement.querySelector(".outer");
  if (!outer) {
    outer = document.createElement("div");
    outer.className = "outer";
    parentElement.appendChild(outer);
    outer.inspector = new Inspector(outer);
  }
  outer.inspector.take(data, setStateValue);
}
