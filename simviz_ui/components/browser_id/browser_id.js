// Tells the server the id that this browser keeps. Other sites, and other ports, cannot read it.
const NAME = "simviz-browser";
export default function ({ data, setStateValue }) {
  let id;
  try {
    id = window.localStorage.getItem(NAME);
    if (!/^[0-9a-f]{32}$/.test(id ?? "")) {
      // Not randomUUID, which is there in secure contexts only.
      const bytes = window.crypto.getRandomValues(new Uint8Array(16));
      id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      window.localStorage.setItem(NAME, id);
    }
  } catch {
    return; // a browser that keeps nothing, as it was told to
  }
  if (data.known !== id) setStateValue("id", id);
}
