// Scrolls a container into view, once for each element that is drawn.
export default function ({ parentElement, data }) {
  if (parentElement.revealed) return;
  parentElement.revealed = true;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  document
    .querySelector(`.st-key-${CSS.escape(data.key)}`)
    ?.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}
