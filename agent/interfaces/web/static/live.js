/** Hears of what others do to the session that is open, wherever they are. */

import { Problem } from "./api.js";
import { standings } from "./events.js";

export function mountLive(store, actions) {
  let watched = null;
  let watch = new AbortController();

  const look = () => {
    // A browser opens few connections to a server: a page that nobody sees holds none, and hears when it is seen.
    const id = document.visibilityState === "visible" ? (store.get().session?.id ?? null) : null;
    if (id === watched) return;
    watch.abort();
    watched = id;
    if (id === null) return;
    watch = new AbortController();
    listen(id, watch.signal);
  };

  async function listen(id, signal) {
    try {
      for await (const { type, data } of standings(id, signal)) if (type === "session") await actions.hear(data);
    } catch (error) {
      if (signal.aborted || error instanceof Problem) return; // whoever does something next is told
      throw error;
    }
  }

  store.subscribe(look);
  document.addEventListener("visibilitychange", look);
}
