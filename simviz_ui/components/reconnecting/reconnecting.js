// Has the page made anew when the browser is connected again: perhaps to a server that was started
// since, which knows nothing of the page and would hear no click on it.
const STATE = "data-test-connection-state";
export default function ({ setTriggerValue }) {
  const app = document.querySelector(`[${STATE}]`);
  if (!app) return undefined;
  let wasAway = false;
  const observer = new MutationObserver(() => {
    const isConnected = app.getAttribute(STATE) === "CONNECTED";
    if (isConnected && wasAway) setTriggerValue("again", true);
    wasAway = !isConnected;
  });
  observer.observe(app, { attributeFilter: [STATE] });
  return () => observer.disconnect();
}
