/* Pictures with their maps as a layer of their own, and a close look at them. The opacity of all
   maps is in two properties of the page's root, which `looking` sets: --simviz-opacity, and
   --simviz-shown, which is 0 while the originals are shown. */
function node(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
/* The picture with its map over it; without a map the picture alone. */
function layered(source, heat, alt) {
  const layers = node("div", { className: "layers" }, node("img", { src: source, alt }));
  dressLayers(layers, source, heat, alt);
  return layers;
}
function dressLayers(layers, source, heat, alt) {
  const [picture, over] = layers.children;
  if (picture.getAttribute("src") !== source) picture.src = source;
  picture.alt = alt;
  if (!heat) over?.remove();
  else if (over) over.src = heat;
  else layers.append(node("img", { className: "heat", alt: "", src: heat }));
}
/* The button that opens a close look; `panels` gives what is to be seen once it is clicked. */
function lookButton(panels) {
  const button = node("button", { type: "button", className: "look", title: "Look closely" });
  button.setAttribute("aria-label", "Look closely");
  button.innerHTML = '<svg viewBox="0 0 16 16"><path d="M9.5 2H14v4.5M14 2 9 7M6.5 14H2V9.5M2 14l5-5"/></svg>';
  button.onclick = (event) => {
    event.stopPropagation();
    lookClosely(panels());
  };
  for (const name of ["onpointerdown", "onpointerup", "onpointermove", "onkeydown"]) {
    button[name] = (event) => event.stopPropagation();
  }
  return button;
}
const LOOK_STYLE = `
dialog.simviz-look { all: revert; box-sizing: border-box; width: 100vw; height: 100vh; max-width: none;
  max-height: none; margin: 0; padding: .75rem 1rem; border: 0; background: #111; color: #eee;
  font: .9rem/1.4 system-ui, sans-serif; overflow: hidden; }
dialog.simviz-look[open] { display: flex; flex-direction: column; gap: .6rem; }
.simviz-look .tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.simviz-look .tools .space { flex: 1; }
.simviz-look button { font: inherit; color: inherit; background: #2a2a2a; border: 1px solid #555;
  border-radius: .4rem; padding: .25rem .7rem; cursor: pointer; user-select: none; }
.simviz-look button:hover, .simviz-look button:focus-visible { border-color: #fff; }
.simviz-look label { display: flex; gap: .4rem; align-items: center; }
.simviz-look .panels { flex: 1; min-height: 0; display: flex; flex-wrap: wrap; gap: .75rem; }
.simviz-look figure { flex: 1 1 20rem; min-width: 0; margin: 0; display: flex; flex-direction: column; min-height: 12rem; }
.simviz-look .frame { flex: 1; min-height: 0; position: relative; overflow: hidden; background: #000;
  cursor: grab; touch-action: none; }
.simviz-look .frame:focus-visible { outline: 2px solid #fff; }
.simviz-look .stage { position: absolute; inset: 0; transform-origin: 0 0; }
.simviz-look .stage img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain;
  user-select: none; pointer-events: none; }
.simviz-look .stage .heat { opacity: calc(var(--simviz-opacity, .6) * var(--simviz-shown, 1)); }
.simviz-look figcaption { padding-top: .3rem; overflow-wrap: anywhere; }`;
const MOST_ZOOM = 16;
/* Pictures as large as the window, zoomed and moved in step. Each is {source, heat, alt}. */
function lookClosely(panels) {
  const root = document.documentElement.style;
  let zoom = 1, x = .5, y = .5;
  const stages = panels.map(({ source, heat, alt }) => {
    const over = heat ? [node("img", { className: "heat", alt: "", draggable: false, src: heat })] : [];
    return node("div", { className: "stage" }, node("img", { src: source, alt, draggable: false }), ...over);
  });
  const place = () => {
    const most = 1 - .5 / zoom;
    x = Math.min(Math.max(x, 1 - most), most);
    y = Math.min(Math.max(y, 1 - most), most);
    for (const stage of stages) {
      stage.style.transform = `translate(${(.5 - x * zoom) * 100}%, ${(.5 - y * zoom) * 100}%) scale(${zoom})`;
    }
    dialog.dataset.zoom = zoom.toFixed(3);
  };
  const zoomTo = (wanted, across = .5, down = .5) => {
    const before = zoom;
    zoom = Math.min(Math.max(wanted, 1), MOST_ZOOM);
    x += (across - .5) * (1 / before - 1 / zoom);
    y += (down - .5) * (1 / before - 1 / zoom);
    place();
  };
  const frames = stages.map((stage, number) => {
    const frame = node("div", { className: "frame", tabIndex: 0 }, stage);
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `${panels[number].alt}. Plus and minus zoom, arrow keys move.`);
    frame.onwheel = (event) => {
      event.preventDefault();
      const box = frame.getBoundingClientRect();
      zoomTo(zoom * Math.exp(-event.deltaY / 400), (event.clientX - box.left) / box.width,
        (event.clientY - box.top) / box.height);
    };
    frame.onpointerdown = (event) => frame.setPointerCapture(event.pointerId);
    frame.onpointermove = (event) => {
      if (!frame.hasPointerCapture(event.pointerId)) return;
      x -= event.movementX / frame.clientWidth / zoom;
      y -= event.movementY / frame.clientHeight / zoom;
      place();
    };
    frame.ondblclick = () => zoomTo(zoom > 1 ? 1 : 3);
    return frame;
  });
  const before = root.getPropertyValue("--simviz-opacity");
  const opacity = node("input", { type: "range", min: 0, max: 100,
    value: Math.round(100 * (Number(before) || .6)),
    oninput: () => root.setProperty("--simviz-opacity", opacity.value / 100) });
  const tool = (text, title, act) => node("button", { type: "button", textContent: text, title, onclick: act });
  const original = node("button", { type: "button", textContent: "Original (hold O)" });
  const show = (isOriginal) => root.setProperty("--simviz-shown", isOriginal ? 0 : 1);
  original.onpointerdown = () => show(true);
  original.onpointerup = original.onpointerleave = original.onpointercancel = () => show(false);
  const dialog = node("dialog", { className: "simviz-look" },
    node("style", { textContent: LOOK_STYLE }),
    node("div", { className: "tools" },
      tool("−", "Zoom out", () => zoomTo(zoom / 1.5)), tool("+", "Zoom in", () => zoomTo(zoom * 1.5)),
      tool("Fit", "Whole pictures", () => zoomTo(1)),
      node("label", {}, "Opacity of the map", opacity), original,
      node("span", { className: "space" }),
      tool("Full screen", "All of the screen", () => (document.fullscreenElement
        ? document.exitFullscreen() : dialog.requestFullscreen())),
      tool("Close", "Back to the page", () => dialog.close())),
    node("div", { className: "panels" }, ...frames.map((frame, number) =>
      node("figure", {}, frame, node("figcaption", { textContent: panels[number].alt })))));
  dialog.setAttribute("aria-label", "Look closely");
  dialog.onclose = () => {
    if (before) root.setProperty("--simviz-opacity", before); else root.removeProperty("--simviz-opacity");
    show(false);
    dialog.remove();
  };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  dialog.onkeydown = (event) => {
    event.stopPropagation(); // the page's own keys wait
    if (event.target === opacity) return;
    if (event.key === "+" || event.key === "=") zoomTo(zoom * 1.25);
    else if (event.key === "-") zoomTo(zoom / 1.25);
    else if (event.key === "0") zoomTo(1);
    else if (moves[event.key]) {
      x += .1 * moves[event.key][0] / zoom;
      y += .1 * moves[event.key][1] / zoom;
      place();
    } else return;
    event.preventDefault();
  };
  document.body.append(dialog);
  dialog.showModal();
  frames[0].focus();
  place();
}
