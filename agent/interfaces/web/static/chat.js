/** The conversation: what was said on the way to the head, and what was answered. */

import { $, h, reconcile } from "./dom.js";
import { HANDOFF, pathTo, shownTurn } from "./state.js";

export function mountChat(store, actions) {
  const log = $("log");
  let length = 0;

  const create = () => {
    const quote = h("blockquote");
    const number = h("button", { type: "button", class: "number" });
    number.addEventListener("click", () => actions.show(Number(number.dataset.turn)));
    return h("li", { class: "said" }, quote, h("p"), number, h("p", { class: "handoff" }));
  };

  const update = (element, entry) => {
    const [quote, reply, number, handoff] = element.children;
    quote.textContent = entry.words;
    quote.hidden = !entry.words || entry.words === entry.reply; // what was done by hand has no words of its own
    reply.textContent = entry.reply;
    reply.className = entry.waiting ? "waiting" : "";
    number.hidden = entry.turn === null;
    number.dataset.turn = entry.turn;
    number.textContent = `Turn ${entry.turn}`;
    if (entry.shown) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
    handoff.hidden = !entry.handoff;
    if (entry.handoff && !handoff.firstChild) handoff.append(...handedOver(entry.links));
  };

  store.subscribe((state) => {
    const entries = said(state);
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 1;
    reconcile(log, entries, (entry) => entry.key, create, update);
    // not before all of the page has been told, which may show the log only then
    if (atEnd || entries.length !== length) queueMicrotask(() => (log.scrollTop = log.scrollHeight));
    length = entries.length;
  });
}

/** The lines of the conversation, from the first. */
function said(state) {
  const { session, running, asides } = state;
  const shown = shownTurn(state)?.turn;
  const entries = [];
  for (const { turn, feedback, reply, handoff, links } of session ? pathTo(session, session.head) : []) {
    entries.push({ key: `turn-${turn}`, words: feedback, reply, turn, shown: turn === shown, handoff, links });
    asides.forEach((aside, k) => {
      if (aside.after === turn) entries.push({ key: `aside-${k}`, turn: null, ...aside });
    });
  }
  if (running)
    entries.push({
      key: "running",
      words: running.words,
      turn: null,
      waiting: !running.reply,
      reply: running.reply || doing(running),
    });
  const last = entries.findLast(({ handoff }) => handoff); // once is enough, however often it is still wrong
  return entries.map((entry) => ({ ...entry, handoff: entry === last }));
}

/** Where a person who takes over finds all of it: addresses as the world knows them, to send on. */
function handedOver({ page, replay }) {
  return [
    `${HANDOFF}. They will find everything in `,
    h("a", { href: page }, "this session"),
    " and in ",
    h("a", { href: replay, target: "_blank", rel: "noopener", "data-replay": true }, "its replay"),
    ".",
  ];
}

/** What is happening to a turn that is on its way, in words. */
export function doing({ phase, place, step, steps }) {
  if (phase === "lost") return "The connection is lost. Trying again";
  if (phase === "queued" && place > 0)
    return place === 1 ? "Next in the queue" : `${place} in the queue before it is drawn`;
  if (phase === "drawing" && steps) return `Step ${step} of ${steps}`;
  return phase === "drawing" ? "Drawing" : "Reading what you said";
}
