/** The history of an exclusion: the turns that changed it, their feedback and the new weight. */

import * as api from "./api.js";
import { $, h } from "./dom.js";
import { shownTurn, turnOf } from "./state.js";

/** The weight at which the bar is full. */
const FULL = 2;

/** Opens the dialog: `ofTerm(term)` and `ofPolicy(name)`, for the selected picture. */
export function mountStory(store, actions, guarded) {
  const dialog = $("story-dialog");

  const open = (title, content) => {
    $("story-title").textContent = title;
    $("story").replaceChildren(content);
    if (!dialog.open) dialog.showModal();
  };

  const row = (event) => {
    const turn = turnOf(store.get().session, event.turn);
    const image = h("img", { alt: "" });
    image.src = api.picture(turn);
    const hasFeedback = event.words && turn.feedback !== turn.reply; // edits by buttons have no feedback
    const description = h(
      "span",
      {},
      ...(hasFeedback ? [h("q", {}, event.words)] : []),
      h("span", { class: "fine" }, describeEvent(event)),
    );
    const button = h("button", { type: "button" }, image, description, weights(event));
    button.addEventListener("click", () => {
      dialog.close();
      actions.show(event.turn);
    });
    return h("li", {}, button);
  };

  const ofTerm = (term) =>
    guarded(async () => {
      const { session, turn } = shownTurn(store.get());
      const events = await api.why(session, turn, term);
      if (store.get().session?.id !== session) return; // the user navigated meanwhile
      open(`History of “${term}”`, h("ol", { class: "story" }, ...events.map(row)));
    });

  const ofPolicy = (name) => {
    const terms = shownTurn(store.get()).exclusions.filter(({ source }) => source === `policy:${name}`);
    const buttons = terms.map(({ term, weight }) => {
      const button = h("button", { type: "button" }, weight === 1 ? term : `${term} ${weight}`);
      button.addEventListener("click", () => ofTerm(term));
      return h("li", {}, button);
    });
    open(`The policy “${name}” always excludes`, h("ul", { class: "policy" }, ...buttons));
  };

  return { ofTerm, ofPolicy };
}

/** The effect of a turn on a term, as one line; pure. */
export function describeEvent({ turn, before, weight, source }) {
  if (weight === null) return `Turn ${turn} allowed it again`;
  if (before !== null) return `Turn ${turn} ${weight > before ? "raised" : "lowered"} its weight`;
  const [, policy] = /^policy:(.*)$/.exec(source) ?? [];
  return policy ? `Turn ${turn} excluded it for the policy “${policy}”` : `Turn ${turn} excluded it`;
}

/** The change of the weight, as numbers and as a bar. */
function weights({ before, weight }) {
  const change = [before, weight].filter((each) => each !== null).map((each) => each.toFixed((each * 10) % 1 ? 2 : 1));
  const bar = h("span", { class: "bar-of" });
  bar.style.setProperty("--weight", Math.min(1, (weight ?? 0) / FULL));
  return h("span", { class: "weights" }, weight === null ? "–" : change.join(" → "), bar);
}
