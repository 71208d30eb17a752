/* Sets the two properties of the page's root that all maps take their opacity from. */
const root = document.documentElement.style;
function show(isOriginal) {
  root.setProperty("--simviz-shown", isOriginal ? 0 : 1);
}
/* Once for the page, however often the button is drawn. */
function listen() {
  if (window.simvizLooking) return;
  window.simvizLooking = { slider: "" };
  const isKey = (event) => event.key.toLowerCase() === "o" && !event.ctrlKey && !event.metaKey && !event.altKey;
  window.addEventListener("keydown", (event) => {
    if (isKey(event) && !isTyping(event)) show(true);
  }, true);
  window.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "o") show(false);
  }, true);
  window.addEventListener("blur", () => show(false));
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.closest(`.st-key-${window.simvizLooking.slider}`)) {
        root.setProperty("--simviz-opacity", target.value / 100);
      }
    }
  }).observe(document.body, { subtree: true, attributeFilter: ["aria-valuetext"] });
}
export default function ({ parentElement, data }) {
  listen();
  const told = JSON.stringify(data);
  // Drawn again with nothing new: the slider may have been moved since.
  if (parentElement.simvizTold === told) return;
  parentElement.simvizTold = told;
  window.simvizLooking.slider = data.slider;
  root.setProperty("--simviz-opacity", data.opacity);
  if (!data.has_button || parentElement.querySelector("button")) return;
  const key = Object.assign(document.createElement("kbd"), { textContent: "O" });
  const button = Object.assign(document.createElement("button"), {
    type: "button", title: "Hold, or hold the key O, to see the pictures without their maps" });
  button.append("Original", key);
  button.onpointerdown = () => show(true);
  button.onpointerup = button.onpointerleave = button.onpointercancel = button.onblur = () => show(false);
  button.onkeydown = (event) => { if (event.key === " " || event.key === "Enter") show(true); };
  button.onkeyup = () => show(false);
  parentElement.append(button);
}
