/** Compares two pictures with a divider that is moved by pointer or arrow keys. */

import { $ } from "./dom.js";
import { picture } from "./api.js";
import { shownTurn, turnOf } from "./state.js";

export function mountSlider(store, actions) {
  const [figure, slider, before] = [$("figure"), $("slider"), $("before")];
  const parts = [slider, before, $("edge"), $("side-before"), $("side-after")];
  let compared = null;

  const move = () => {
    figure.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} percent of turn ${compared}`);
  };
  slider.addEventListener("input", move);
  slider.addEventListener("keydown", (event) => {
    event.stopPropagation(); // keep its arrow keys from the history
    if (event.key === "Escape") {
      actions.compare();
      $("compare").focus();
    }
  });

  store.subscribe((state) => {
    const after = shownTurn(state);
    const parent = state.comparing && !state.running && after ? turnOf(state.session, after.parent) : null;
    for (const part of parts) part.hidden = parent === null;
    if (parent !== null && compared === null) queueMicrotask(() => slider.focus({ preventScroll: true }));
    compared = parent?.turn ?? null;
    if (parent === null) return;
    $("side-before").textContent = `turn ${parent.turn}`;
    $("side-after").textContent = `turn ${after.turn}`;
    before.alt = `Turn ${parent.turn}: ${parent.prompt}`;
    slider.setAttribute("aria-label", `How much of turn ${parent.turn} is shown over turn ${after.turn}`);
    before.src = picture(parent);
    move();
  });
}
