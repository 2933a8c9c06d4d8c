/** Compares two pictures with a divider that is moved by pointer or arrow keys. */

import { $ } from "./dom.js";
import { picture } from "./api.js";
import { comparedPicture, describe, nameOf, shownTurn } from "./state.js";

export function mountSlider(store, actions) {
  const [figure, slider, before] = [$("figure"), $("slider"), $("before")];
  const parts = [slider, before, $("edge"), $("side-before"), $("side-after")];
  let compared = null;

  const move = () => {
    figure.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} percent of ${compared}`);
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
    const other = state.comparing && !state.running ? comparedPicture(state) : null;
    for (const part of parts) part.hidden = other === null;
    if (other !== null && compared === null) queueMicrotask(() => slider.focus({ preventScroll: true }));
    compared = other && nameOf(other);
    if (other === null) return;
    $("side-before").textContent = compared;
    $("side-after").textContent = nameOf(after);
    before.alt = describe(other);
    slider.setAttribute("aria-label", `How much of ${compared} is shown over ${nameOf(after)}`);
    if (before.getAttribute("src") !== picture(other)) before.src = picture(other);
    move();
  });
}
