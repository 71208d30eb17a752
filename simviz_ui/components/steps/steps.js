// Counts steps by clicks on two buttons and by the keys N and P, and tells the sum of all of them.
const isTyped = (event) => event.ctrlKey || event.metaKey || event.altKey || isTyping(event);
export default function ({ data, setStateValue }) {
  const all = (window.simvizSteps ??= {});
  const held = all[data.name];
  held?.stop();
  const isSame = held?.session === data.session;
  const mine = { session: data.session, touches: 0, total: 0, ...(isSame ? held : {}) };
  const steps = { [data.next]: 1, [data.previous]: -1 };
  const place = (name) => document.querySelector(`.st-key-${CSS.escape(name)}`);
  const count = (event, step) => {
    // Before Streamlit's own listeners, which would take the step once more.
    event.preventDefault();
    event.stopImmediatePropagation();
    mine.touches += 1;
    mine.total += step;
    setStateValue("counted", [mine.touches, mine.total]);
  };
  const click = (event) => {
    const clicked = event.target.closest?.("button");
    if (!clicked || clicked.disabled) return;
    for (const name of Object.keys(steps)) {
      if (place(name)?.contains(clicked)) count(event, steps[name]);
    }
  };
  const press = (event) => {
    const name = { n: data.next, p: data.previous }[event.key?.toLowerCase()];
    const isKey = name && data.with_keys && !isTyped(event);
    const pressed = isKey && place(name)?.querySelector("button");
    if (pressed && !pressed.disabled) count(event, steps[name]);
  };
  window.addEventListener("click", click, true);
  window.addEventListener("keydown", press, true);
  mine.stop = () => {
    window.removeEventListener("click", click, true);
    window.removeEventListener("keydown", press, true);
  };
  all[data.name] = mine;
  return mine.stop;
}
