// Drawing on a picture up to its edges: what streamlit-drawable-canvas leaves to its host.
//
// Its rectangle ends where the pointer leaves the canvas, and begins only inside it. Here a drag
// goes on outside and is clamped to the edge, may begin in a margin around the picture, and a
// click without a drag is taken back. Delete removes the rectangle that is selected.
const CANVAS = "canvas.upper-canvas";
const MARGIN = 24; // pixels around the picture in which a drag may begin
const CLICK = 4; // pixels that the pointer moves at least in a drag
const SYNTHETIC = "simvizClamped"; // marks the events that are sent from here

function canvases(root = document) {
  const found = [...root.querySelectorAll(CANVAS)];
  for (const element of root.querySelectorAll("*")) {
    if (element.shadowRoot) found.push(...canvases(element.shadowRoot));
  }
  return found;
}

const toolbar = (canvas) => canvas.getRootNode().querySelector(".dc-toolbar");
const button = (canvas, title) => toolbar(canvas)?.querySelector(`button[title="${title}"]`);
const isEditing = (canvas) => button(canvas, "Edit")?.getAttribute("aria-pressed") === "true";

// The part of the canvas that can be seen: a large one is scrolled.
function visible(canvas) {
  const box = canvas.getBoundingClientRect();
  const frame = (canvas.closest(".dc-scroll") ?? canvas).getBoundingClientRect();
  return {
    left: Math.max(box.left, frame.left),
    top: Math.max(box.top, frame.top),
    right: Math.min(box.right, frame.right),
    bottom: Math.min(box.bottom, frame.bottom),
  };
}

function clamped(canvas, event) {
  const box = visible(canvas);
  return {
    clientX: Math.min(Math.max(event.clientX, box.left), box.right),
    clientY: Math.min(Math.max(event.clientY, box.top), box.bottom),
  };
}

function send(target, type, event, place) {
  const copy = new MouseEvent(type, {
    bubbles: true,
    composed: true,
    cancelable: true,
    view: window,
    button: 0,
    buttons: type === "mouseup" ? 0 : 1,
    shiftKey: event.shiftKey,
    ctrlKey: event.ctrlKey,
    ...place,
  });
  copy[SYNTHETIC] = true;
  target.dispatchEvent(copy);
}

// Outlives this script's call: the page may be drawn again during a drag.
let drag = null;

function listen() {
  const down = (event) => {
    if (event[SYNTHETIC] || event.button !== 0) return;
    const target = event.composedPath()[0];
    if (target.matches?.(CANVAS)) {
      drag = { canvas: target, x: event.clientX, y: event.clientY, isDrag: false };
      return;
    }
    if (target.closest?.("button, a, input, label, [role], p, img")) return;
    const near = canvases().find((canvas) => {
      const { clientX, clientY } = clamped(canvas, event);
      const away = Math.max(Math.abs(event.clientX - clientX), Math.abs(event.clientY - clientY));
      return canvas.offsetWidth > 0 && away <= MARGIN && !isEditing(canvas);
    });
    if (!near) return;
    const place = clamped(near, event);
    event.preventDefault(); // no text is marked
    drag = { canvas: near, x: place.clientX, y: place.clientY, isDrag: false };
    send(near, "mousedown", event, place);
  };

  const move = (event) => {
    if (!drag || event[SYNTHETIC]) return;
    const place = clamped(drag.canvas, event);
    const distance = Math.max(Math.abs(place.clientX - drag.x), Math.abs(place.clientY - drag.y));
    drag.isDrag ||= distance >= CLICK;
    if (place.clientX === event.clientX && place.clientY === event.clientY) return;
    event.stopImmediatePropagation();
    send(document, "mousemove", event, place);
  };

  const out = (event) => {
    if (drag) event.stopImmediatePropagation();
  };

  const up = (event) => {
    if (!drag || event[SYNTHETIC] || event.button !== 0) return;
    const { canvas, isDrag } = drag;
    const place = clamped(canvas, event);
    drag = null;
    if (place.clientX !== event.clientX || place.clientY !== event.clientY) {
      event.stopImmediatePropagation();
      send(document, "mousemove", event, place);
      send(document, "mouseup", event, place);
    }
    if (!isDrag && !isEditing(canvas)) {
      // The canvas keeps what was drawn a moment after the button is released.
      setTimeout(() => button(canvas, "Undo")?.click(), 0);
    }
  };

  const key = (event) => {
    if (event.key !== "Delete" && event.key !== "Backspace") return;
    if (isTyping(event)) return;
    const edited = canvases().find(isEditing);
    const remove = edited && button(edited, "Delete selected");
    if (!remove || remove.disabled) return;
    event.preventDefault();
    remove.click();
  };

  const listeners = [
    ["mousedown", down],
    ["mousemove", move],
    ["mouseout", out],
    ["mouseleave", out],
    ["mouseup", up],
    ["keydown", key],
  ];
  for (const [type, listener] of listeners) window.addEventListener(type, listener, true);
  return () => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener, true);
  };
}

// What is of no use on this page: every change is sent at once, and rectangles have no order.
const STYLE = `
  .dc-icon-button[title="Update the app with this drawing"],
  .dc-icon-button[title="Bring forward"],
  .dc-icon-button[title="Send backward"] { display: none; }
  .nothing-drawn .dc-icon-button[title="Edit"] { display: none; }
`;

// Names and scales the canvas; false where there is none yet.
function dress(data) {
  const found = canvases();
  for (const canvas of found) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", data.label);
    const root = canvas.getRootNode();
    if (!root.querySelector("style.simviz")) {
      const style = document.createElement("style");
      style.className = "simviz";
      style.textContent = STYLE;
      (root.head ?? root).append(style);
    }
    root.querySelector(".dc-root")?.classList.toggle("nothing-drawn", !data.is_drawn);
    if (!data.is_drawn && isEditing(canvas)) button(canvas, "Edit").click(); // nothing to edit
    const box = canvas.closest(".dc-container");
    const room = canvas.closest(".dc-scroll")?.parentElement?.parentElement?.clientWidth;
    // On a narrow window the picture shrinks; one that is enlarged to draw on is scrolled.
    if (box && room) box.style.zoom = Math.min(1, room / data.width);
  }
  return found.length > 0;
}

export default function ({ data }) {
  const dressed = () => dress(data);
  const stop = listen();
  // The canvas may be drawn after this.
  const wait = setInterval(() => dressed() && clearInterval(wait), 100);
  window.addEventListener("resize", dressed);
  return () => {
    stop();
    clearInterval(wait);
    window.removeEventListener("resize", dressed);
  };
}
