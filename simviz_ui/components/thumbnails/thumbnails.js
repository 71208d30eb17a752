export default function ({ parentElement, data, setTriggerValue }) {
  let grid = parentElement.querySelector(".grid");
  if (!grid) {
    grid = document.createElement("div");
    grid.className = "grid";
    parentElement.appendChild(grid);
  }
  grid.replaceChildren(...data.images.map((image) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", image.id === data.chosen);
    button.title = image.id;
    const picture = document.createElement(image.source ? "img" : "div");
    if (image.source) { picture.src = image.source; picture.alt = image.id; }
    else { picture.className = "none"; picture.textContent = "unreadable"; }
    const caption = document.createElement("span");
    caption.textContent = image.caption;
    button.append(picture, caption);
    button.onclick = () => setTriggerValue("chosen", image.id);
    return button;
  }));
}
