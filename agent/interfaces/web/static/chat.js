/** The conversation: feedback and replies of the turns up to the head. */

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
    quote.hidden = !entry.words || entry.words === entry.reply; // edits by buttons have no feedback
    reply.textContent = entry.reply;
    reply.className = entry.waiting ? "waiting" : "";
    number.hidden = entry.turn === null;
    number.dataset.turn = entry.turn;
    number.textContent = `Turn ${entry.turn}`;
    if (entry.shown) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
    handoff.hidden = !entry.handoff;
    if (entry.handoff && !handoff.firstChild) handoff.append(...handoffLinks(entry.links));
  };

  store.subscribe((state) => {
    const entries = entriesOf(state);
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 1;
    reconcile(log, entries, (entry) => entry.key, create, update);
    // after all subscribers, because one of them may show the log
    if (atEnd || entries.length !== length) queueMicrotask(() => (log.scrollTop = log.scrollHeight));
    length = entries.length;
  });
}

/** The entries of the conversation, oldest first. */
function entriesOf(state) {
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
      reply: running.reply || progressText(running),
    });
  const last = entries.findLast(({ handoff }) => handoff); // show the handoff only once
  return entries.map((entry) => ({ ...entry, handoff: entry === last }));
}

/** Links for a person who takes over, with public URLs that can be forwarded. */
function handoffLinks({ page, replay }) {
  return [
    `${HANDOFF}. Send them the link to `,
    h("a", { href: page }, "this session"),
    " and in ",
    h("a", { href: replay, target: "_blank", rel: "noopener", "data-replay": true }, "its replay"),
    ".",
  ];
}

/** The progress of a running turn, as text. */
export function progressText({ phase, place, step, steps }) {
  if (phase === "lost") return "Connection lost. Reconnecting";
  if (phase === "queued" && place > 0) return place === 1 ? "Next in the queue" : `Position ${place} in the queue`;
  if (phase === "drawing" && steps) return `Step ${step} of ${steps}`;
  return phase === "drawing" ? "Drawing" : "Interpreting";
}
