/** The replay: all pictures of the session on one page that needs nothing else, to look at and to keep. */

import * as api from "./api.js";
import { $, h, setAttribute } from "./dom.js";

/** `guarded` does something that asks the server, and shows what goes wrong. */
export function mountReplay(store, guarded) {
  store.subscribe(({ session }) => {
    const there = session?.turns.length > 0;
    setAttribute($("replay"), "href", there ? api.replay(session.id) : null);
    setAttribute($("replay"), "aria-disabled", there ? null : "true");
  });

  // A link can carry no key: who has one gets the page as a file.
  document.addEventListener("click", (event) => {
    if (api.key.get() === null || !event.target.closest("a[data-replay][href]")) return;
    event.preventDefault();
    guarded(() => save(store.get().session.id));
  });
}

async function save(id) {
  const address = URL.createObjectURL(await api.replayFile(id));
  h("a", { href: address, download: `notthat-${id}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // when it has surely been read
}
