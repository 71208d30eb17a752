function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
function picture({ source, heat, alt }) {
  return source ? layered(source, heat, alt)
    : element("div", { className: "none", textContent: "unreadable" });
}
export default function ({ parentElement, data, setTriggerValue }) {
  let outer = parentElement.querySelector(".outer");
  if (!outer) {
    outer = element("div", { className: "outer" });
    parentElement.appendChild(outer);
  }
  const hasQuery = Boolean(data.query);
  const query = hasQuery ? layered(data.query.source, null, data.query.caption) : null;
  let shownFor = null;
  const ofQuery = (match) => ({ source: data.query.source, heat: match && match.query_heat,
    alt: match ? `${data.query.caption} · its map for ${match.id}` : data.query.caption });
  const caption = element("figcaption", {});
  const show = (match) => {
    if (!hasQuery) return;
    shownFor = match;
    const { source, heat, alt } = ofQuery(match);
    dressLayers(query, source, heat, alt);
    caption.textContent = alt;
  };
  const pinned = () => data.matches.find((match) => match.id === outer.dataset.pinned);
  const rest = () => show(pinned() || data.matches[0]);
  const cards = data.matches.map((match, place) => {
    const mark = match.is_hit === null ? "" : element("span", {
      className: `mark ${match.is_hit ? "hit" : "miss"}`, textContent: match.is_hit ? "✓" : "✗",
      title: match.is_hit ? "Of the query's class" : "Of another class" });
    const button = element("button", { className: "show", type: "button", title: match.id },
      picture(match),
      element("span", { className: "rank", textContent: match.rank ?? place + 1 }),
      element("div", { className: "line" }, mark,
        element("span", { className: "label", textContent: match.label }),
        element("span", { className: "score", textContent: match.score })),
      element("div", { className: "note", textContent: match.note }));
    const act = (name, text, title) => element("button", { type: "button", textContent: text, title,
      onclick: () => setTriggerValue(name, match.id) });
    const card = element("div", { className: "card" }, button,
      ...(match.source ? [lookButton(() => (hasQuery ? [ofQuery(match), match] : [match]))] : []),
      element("div", { className: "actions" },
        act("pair", "Pair", "Explain this pair in full"),
        act("query", "As query", "Search for this image instead")));
    card.onmouseenter = button.onfocus = () => show(match);
    card.onmouseleave = button.onblur = rest;
    button.setAttribute("aria-pressed", match.id === outer.dataset.pinned);
    card.classList.toggle("pinned", hasQuery && match.id === outer.dataset.pinned);
    button.onclick = () => {
      outer.dataset.pinned = outer.dataset.pinned === match.id ? "" : match.id;
      for (const other of outer.querySelectorAll(".card")) {
        const isPinned = other === card && outer.dataset.pinned === match.id;
        other.classList.toggle("pinned", isPinned);
        other.querySelector(".show").setAttribute("aria-pressed", isPinned);
      }
      rest();
    };
    return card;
  });
  const grid = element("div", { className: "grid" }, ...cards);
  grid.style.setProperty("--card", data.card_width);
  const layout = element("div", { className: hasQuery ? "layout with-query" : "layout" });
  layout.style.setProperty("--query", `${data.query_share}fr`);
  layout.style.setProperty("--matches", `${1 - data.query_share}fr`);
  if (hasQuery) layout.append(element("figure", { className: "query" }, query,
    lookButton(() => (shownFor && shownFor.source ? [ofQuery(shownFor), shownFor] : [ofQuery(null)])), caption));
  layout.append(grid);
  outer.replaceChildren(layout);
  rest();
}
