/** Why something is left out: what each turn did to it, in whose words, and what it weighed from then on. */

import * as api from "./api.js";
import { $, h } from "./dom.js";
import { shownTurn, turnOf } from "./state.js";

/** More than this is as wide as the bar goes. */
const FULL = 2;

/** What tells stories: `ofTerm(term)` and `ofPolicy(name)`, as of the picture that is looked at. */
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
    const said = event.words && turn.feedback !== turn.reply; // what was done by hand has no words of its own
    const does = h(
      "span",
      {},
      ...(said ? [h("q", {}, event.words)] : []),
      h("span", { class: "fine" }, whatHappened(event)),
    );
    const button = h("button", { type: "button" }, image, does, weights(event));
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
      open(`Why without “${term}”`, h("ol", { class: "story" }, ...events.map(row)));
    });

  const ofPolicy = (name) => {
    const terms = shownTurn(store.get()).exclusions.filter(({ source }) => source === `policy:${name}`);
    const buttons = terms.map(({ term, weight }) => {
      const button = h("button", { type: "button" }, weight === 1 ? term : `${term} ${weight}`);
      button.addEventListener("click", () => ofTerm(term));
      return h("li", {}, button);
    });
    open(`The policy “${name}” always leaves out`, h("ul", { class: "policy" }, ...buttons));
  };

  return { ofTerm, ofPolicy };
}

/** What a turn did to a term, in a line; pure. */
export function whatHappened({ turn, before, weight, source }) {
  if (weight === null) return `Turn ${turn} allowed it again`;
  if (before !== null) return `Turn ${turn} weighed it ${weight > before ? "more" : "less"}`;
  const [, policy] = /^policy:(.*)$/.exec(source) ?? [];
  return policy ? `The policy “${policy}” brought it, in turn ${turn}` : `Turn ${turn} excluded it`;
}

/** The weight from then on, as a number and as a bar. */
function weights({ before, weight }) {
  const change = [before, weight].filter((each) => each !== null).map((each) => each.toFixed((each * 10) % 1 ? 2 : 1));
  const bar = h("span", { class: "bar-of" });
  bar.style.setProperty("--weight", Math.min(1, (weight ?? 0) / FULL));
  return h("span", { class: "weights" }, weight === null ? "–" : change.join(" → "), bar);
}
