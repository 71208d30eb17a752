function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
function picture(shown) {
  return shown.source ? layered(shown.source, shown.heat, shown.alt)
    : element("div", { className: "none", textContent: "unreadable" });
}
function line(shown) {
  const parts = [];
  if (shown.is_hit !== null) parts.push(element("span", {
    className: `mark ${shown.is_hit ? "hit" : "miss"}`, textContent: shown.is_hit ? "✓" : "✗",
    title: shown.is_hit ? "Of the query's class" : "Of another class" }));
  parts.push(element("span", { className: "label", textContent: shown.label, title: shown.id || shown.label }),
    element("span", { className: "score", textContent: shown.score }),
    element("span", { className: "padding", textContent: shown.padding }));
  return element("div", { className: "line" }, ...parts);
}
export default function ({ parentElement, data, setTriggerValue }) {
  let outer = parentElement.querySelector(".outer");
  if (!outer) {
    outer = element("div", { className: "outer" });
    parentElement.appendChild(outer);
  }
  const column = (shown) => {
    const made = element("section", { className: "column" },
      element("div", { className: "head", textContent: shown.title }),
      element("div", { className: "note", textContent: shown.note, title: shown.note }));
    made.style.gridColumn = shown.place;
    if (shown.error) made.append(element("div", { className: "error", textContent: shown.error }));
    const [first, ...matches] = shown.pictures;
    if (!first) return made;
    const query = picture(first), under = line(first);
    let pinned = null;
    const ofQuery = (match) => ({ source: first.source, heat: (match && match.query_heat) || first.heat,
      alt: match && match.query_heat ? `${first.alt}, for ${match.label}` : first.alt });
    made.append(element("div", { className: "card" }, query, under,
      lookButton(() => (pinned ? [ofQuery(pinned), pinned] : [ofQuery(null)]))));
    const show = (match) => {
      const wanted = match || pinned;
      const { source, heat, alt } = ofQuery(wanted);
      if (first.source) dressLayers(query, source, heat, alt);
      under.querySelector(".label").textContent = wanted ? `for ${wanted.label}` : first.label;
      under.querySelector(".score").textContent = (wanted || first).score;
      under.querySelector(".padding").textContent = wanted ? wanted.query_padding : first.padding;
    };
    for (const match of matches) {
      const button = element("button", { className: "show", type: "button", title: match.id || "" },
        picture(match), line(match));
      const card = element("div", { className: "card" }, button,
        ...(match.source ? [lookButton(() => [ofQuery(match), match])] : []));
      if (match.id) {
        card.classList.add("match");
        const act = (name, text, title) => element("button", { type: "button", textContent: text, title,
          onclick: () => setTriggerValue(name, { column: shown.number, id: match.id }) });
        card.append(element("div", { className: "actions" },
          act("pair", "Pair", "Explain this pair in full, with this checkpoint"),
          act("follow", "Follow", "Follow the query with this image through the checkpoints"),
          act("query", "As query", "Follow this image instead")));
        button.setAttribute("aria-pressed", "false");
        card.onmouseenter = button.onfocus = () => show(match);
        card.onmouseleave = button.onblur = () => show(null);
        button.onclick = () => {
          pinned = pinned === match ? null : match;
          for (const other of made.querySelectorAll(".card.match")) {
            const isPinned = other === card && pinned === match;
            other.classList.toggle("pinned", isPinned);
            other.querySelector(".show").setAttribute("aria-pressed", isPinned);
          }
          show(match);
        };
      } else button.tabIndex = -1;
      made.append(card);
    }
    if (shown.waiting) made.append(element("div", { className: "waiting", textContent: shown.waiting }));
    return made;
  };
  // What is still being computed keeps the room that the pictures before it had.
  const isWaiting = data.runs.some((run) => run.columns.some((shown) => shown.waiting));
  outer.style.minHeight = isWaiting && outer.offsetHeight ? `${outer.offsetHeight}px` : "";
  const count = Math.max(3, ...data.runs.flatMap((run) => run.columns.map((shown) => shown.place)));
  outer.replaceChildren(...data.runs.map((run) => {
    const columns = element("div", { className: "columns" }, ...run.columns.map(column));
    columns.style.gridTemplateColumns = `repeat(${count}, minmax(7.5rem, 1fr))`;
    return element("div", { className: "run" },
      element("div", { className: "title", textContent: run.title }), columns);
  }));
}
