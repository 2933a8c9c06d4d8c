/** What the next turns keep, or change alone, as chips that release it. */

import { $, h, icon, reconcile } from "./dom.js";
import { shownTurn } from "./state.js";

const KINDS = { keep: "keep", only: "only change" };

export function mountPins(store, actions) {
  const list = $("pins");

  const create = () => {
    const kind = h("span", { class: "weight" });
    const body = h("span", { class: "body" }, icon("pin"), kind, h("span", { class: "term" }));
    const remove = h("button", { type: "button", class: "remove" }, icon("remove"));
    const chip = h("li", { class: "chip pin" }, body, remove, h("div", { class: "card" }, h("p")));
    remove.addEventListener("click", () => {
      const beside = chip.nextElementSibling ?? chip.previousElementSibling;
      (beside?.querySelector(".remove") ?? $("words")).focus();
      actions.release(chip.dataset.term);
    });
    return chip;
  };

  store.subscribe((state) => {
    const turn = shownTurn(state);
    const pins = turn?.pins ?? [];
    $("pinned").hidden = pins.length === 0;
    reconcile(
      list,
      pins,
      ({ kind, term }) => `${kind} ${term}`,
      create,
      (chip, { kind, term, words, since }) => {
        const [body, remove, card] = chip.children;
        chip.dataset.term = term;
        body.querySelector(".weight").textContent = KINDS[kind];
        body.querySelector(".term").textContent = term;
        remove.setAttribute("aria-label", `Release: ${KINDS[kind]} ${term}`);
        remove.disabled = state.running !== null;
        const reason = card.firstElementChild;
        reason.id = `pin-${kind}-${term}`.replace(/\s+/g, "-");
        remove.setAttribute("aria-describedby", reason.id);
        const origin = h("span", { class: "fine" }, `Pinned by you in turn ${since}.`);
        reason.replaceChildren(...(words ? [h("q", {}, words)] : []), origin);
      },
    );
  });
}
