/** The button for the HTML report of the session. */

import * as api from "./api.js";
import { $, h, setAttribute } from "./dom.js";

/** `guarded` runs a request and shows its problem. */
export function mountReplay(store, guarded) {
  store.subscribe(({ session }) => {
    const hasTurns = session?.turns.length > 0;
    setAttribute($("replay"), "href", hasTurns ? api.replay(session.id) : null);
    setAttribute($("replay"), "aria-disabled", hasTurns ? null : "true");
  });

  // A link can't send the key, so with a key the report is downloaded.
  document.addEventListener("click", (event) => {
    if (api.key.get() === null || !event.target.closest("a[data-replay][href]")) return;
    event.preventDefault();
    guarded(() => save(store.get().session.id));
  });
}

async function save(id) {
  const address = URL.createObjectURL(await api.replayFile(id));
  h("a", { href: address, download: `notthat-${id}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // after the download has started
}
