/** Keyboard shortcuts of the page. */

import { $ } from "./dom.js";
import { target } from "./history.js";

const LETTERS = "notthat.letters";

export function mountKeys(store, actions, { openSessions, begin, help, answer }) {
  const letters = $("letters");
  letters.checked = localStorage.getItem(LETTERS) !== "off";
  letters.addEventListener("change", () => localStorage.setItem(LETTERS, letters.checked ? "on" : "off"));

  const press = (id) => () => $(id).click();
  const shortcuts = {
    "/": () => $(store.get().view === "start" ? "prompt" : "words").focus(),
    "?": help,
    u: press("undo"),
    r: press("reroll"),
    b: press("branch"),
    c: press("compare"),
    d: press("download"),
    p: press("replay"),
    s: openSessions,
    n: begin,
  };

  document.addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      document.querySelector("dialog[open]")
    )
      return;
    if (event.key === "Escape") {
      if (store.get().running) actions.cancel();
      else event.target.blur?.();
      return;
    }
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const to = target(store.get(), event.key);
      if (to != null) actions.show(to);
      return;
    }
    const isLetter = /^[a-z]$/.test(event.key);
    if ((letters.checked || !isLetter) && answer(event.key)) return event.preventDefault();
    if (!(event.key in shortcuts) || (isLetter && !letters.checked)) return;
    event.preventDefault();
    shortcuts[event.key]();
  });
}
