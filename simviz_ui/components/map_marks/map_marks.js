const SVG = "http://www.w3.org/2000/svg";
const LOOK_AFTER = 200; // milliseconds after which the chart is looked for again
const REST = 60; // milliseconds that the pointer rests on a dot before its picture is asked for
const COLOURS = { query: "#111", match: "#e5383b" };

function drawn(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.appendChild(made);
  return made;
}
// Where a place on the chart is, in pixels from its corner.
function pixels(chart, x, y) {
  const { xaxis, yaxis } = chart._fullLayout;
  return [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
}
function layer(chart) {
  let found = chart.querySelector(":scope > .simviz-marks");
  if (!found) {
    found = document.createElementNS(SVG, "svg");
    found.setAttribute("class", "simviz-marks");
    found.style.cssText = "position:absolute;inset:0;width:100%;height:100%;pointer-events:none;overflow:hidden";
    chart.style.position = "relative";
    chart.appendChild(found);
  }
  return found;
}
function showMarks(chart, marks) {
  const svg = layer(chart);
  svg.replaceChildren();
  if (!chart._fullLayout?.xaxis) return;
  // Matches first, so that nothing covers the query.
  for (const mark of [...marks].sort((a, b) => (a.kind === "query") - (b.kind === "query"))) {
    const [cx, cy] = pixels(chart, mark.x, mark.y);
    const group = drawn("g", { "data-mark": mark.kind }, svg);
    const r = mark.kind === "query" ? 11 : 8;
    drawn("circle", { cx, cy, r, fill: "none", stroke: "#fff", "stroke-width": 5 }, group);
    drawn("circle", { cx, cy, r, fill: "none", stroke: COLOURS[mark.kind], "stroke-width": 2.5 }, group);
    const text = drawn("text", { x: cx + r + 4, y: cy + 4, "font-size": 12, "font-family": "sans-serif", "font-weight": 600, fill: COLOURS[mark.kind],
      stroke: "#fff", "stroke-width": 3, "paint-order": "stroke" }, group);
    text.textContent = mark.text;
  }
}
function showPicture(chart, picture, at) {
  let card = chart.querySelector(":scope > .simviz-picture");
  if (!picture) { card?.remove(); return; }
  if (!card) {
    card = document.createElement("div");
    card.className = "simviz-picture";
    card.style.cssText = "position:absolute;z-index:5;pointer-events:none;width:190px;padding:6px;" +
      "background:#fff;color:#111;border:1px solid #bbb;border-radius:6px;font-size:12px;line-height:1.35;" +
      "overflow-wrap:anywhere;box-shadow:0 2px 8px #0003";
    chart.appendChild(card);
  }
  const image = document.createElement(picture.source ? "img" : "div");
  if (picture.source) {
    image.src = picture.source;
    image.alt = picture.lines[0];
    image.style.cssText = "width:100%;max-height:170px;object-fit:contain;display:block;margin-bottom:4px";
  } else image.textContent = "unreadable";
  card.replaceChildren(image, ...picture.lines.map((line) =>
    Object.assign(document.createElement("div"), { textContent: line })));
  // Beside the dot, on the side that has the room.
  const { clientWidth: width, clientHeight: height } = chart;
  card.style.left = at[0] > width / 2 ? "" : `${at[0] + 14}px`;
  card.style.right = at[0] > width / 2 ? `${width - at[0] + 14}px` : "";
  card.style.top = at[1] > height / 2 ? "" : `${at[1]}px`;
  card.style.bottom = at[1] > height / 2 ? `${height - at[1]}px` : "";
}
export default function ({ parentElement, data, setTriggerValue }) {
  const state = (parentElement.simviz ??= { pictures: new Map() });
  if (state.data?.version !== data.version) state.pictures.clear();
  Object.assign(state, { data, setTriggerValue });
  if (data.picture) {
    state.pictures.set(data.picture.row, data.picture);
    if (state.row === data.picture.row) showPicture(state.shown, data.picture, state.at);
  }
  const find = () => {
    const chart = document.querySelector(`.st-key-${CSS.escape(state.data.chart)} .js-plotly-plot`);
    if (!chart?.on || chart === state.shown) return;
    state.shown = chart;
    const again = () => showMarks(chart, state.data.marks);
    for (const event of ["plotly_afterplot", "plotly_relayout", "plotly_relayouting"]) chart.on(event, again);
    chart.on("plotly_hover", ({ points }) => {
      const [{ customdata, x, y }] = points;
      const row = Number(customdata);
      Object.assign(state, { row, at: pixels(chart, x, y) });
      clearTimeout(state.rest);
      if (state.pictures.has(row)) showPicture(chart, state.pictures.get(row), state.at);
      else state.rest = setTimeout(() => state.setTriggerValue("pointed", row), REST);
    });
    chart.on("plotly_unhover", () => {
      clearTimeout(state.rest);
      state.row = undefined;
      showPicture(chart, null);
    });
    chart.on("plotly_click", ({ points }) => state.setTriggerValue("clicked", Number(points[0].customdata)));
    again();
  };
  find();
  if (state.shown) showMarks(state.shown, data.marks);
  clearInterval(state.look);
  state.look = setInterval(find, LOOK_AFTER);
  return () => clearInterval(state.look);
}
