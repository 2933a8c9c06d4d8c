/** Follows changes that other pages make to the open session. */

import { Problem } from "./api.js";
import { standings } from "./events.js";

export function mountLive(store, actions) {
  let watched = null;
  let watch = new AbortController();

  const look = () => {
    // Browsers limit connections per server, so a hidden page closes its stream and reopens it when visible.
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
      if (signal.aborted || error instanceof Problem) return; // the next action shows the problem
      throw error;
    }
  }

  store.subscribe(look);
  document.addEventListener("visibilitychange", look);
}
