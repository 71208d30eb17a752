// Replaces the parameters of the address, once for each number that the server gives.
export default function ({ data }) {
  const applied = window.simvizAddress ?? {};
  if (applied.session === data.session && data.number <= applied.number) return;
  window.simvizAddress = { session: data.session, number: data.number };
  const path = window.location.pathname.replace(/\/$/, "");
  if (data.page && !path.endsWith(`/${data.page}`)) return;
  const kept = new URLSearchParams(window.location.search);
  const link = new URLSearchParams(data.link);
  for (const name of ["embed", "embed_options"]) {
    for (const value of kept.getAll(name)) link.append(name, value);
  }
  const search = link.toString();
  if (search === window.location.search.replace(/^\?/, "")) return;
  const address = window.location.pathname + (search ? `?${search}` : "") + window.location.hash;
  window.history.replaceState(window.history.state, "", address);
}
