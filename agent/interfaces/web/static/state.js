/**
 * The state of the page, and pure functions of it.
 *
 * @typedef {{term: string, weight: number, source: string, since: number, words: string}} Exclusion
 * @typedef {{session: string, turn: number, parent: ?number, feedback: string, reply: string, prompt: string,
 *   sha256: string, exclusions: Exclusion[], seconds: number, handoff: boolean,
 *   links: {page: string, replay: string}}} Turn
 * @typedef {{turn: number, parent: ?number, feedback: string, reply: string, status: "failed"|"cancelled"}} Retry
 * @typedef {{text: string, edits: object[], otherwise: object[], choose: boolean}} Question
 * @typedef {{id: string, head: ?number, turns: Turn[], pending: object[], retry: ?Retry, question: ?Question}} Session
 * @typedef {{session: ?string, turn: ?number, words: string, back: string, phase: "sent"|"queued"|"drawing"|"lost",
 *   place: number, step: number, steps: number, preview: ?string, reply: string, recorded: boolean, own: boolean}} Running
 */

/**
 * The initial state. `shown` is the selected turn, null for the head. `reason` is why the turn that can be retried
 * failed, if this page received it.
 */
export const BEGINNING = Object.freeze({
  view: "loading",
  session: null,
  shown: null,
  running: null,
  asides: [],
  drafts: {},
  comparing: false,
  reason: null,
  problem: null,
});

/** The text for turns where a person should take over. */
export const HANDOFF = "A person may need to take over";

/** Holds the state. Subscribers are called with it at once and after every change. */
export function createStore(state = BEGINNING) {
  const listeners = new Set();
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...patch };
      for (const listener of listeners) listener(state);
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
    },
  };
}

/** The turn with this number, or null. */
export const turnOf = (session, number) => session?.turns.find((turn) => turn.turn === number) ?? null;

/** The selected turn, or null before the first one. */
export const shownTurn = ({ session, shown }) => turnOf(session, shown ?? session?.head);

/** The failed or cancelled turn that can be retried from the head, or null. */
export const unfinished = ({ session, running }) =>
  !running && session?.retry && session.retry.parent === session.head ? session.retry : null;

/** The turns that led to a turn, from the first. */
export function pathTo(session, number) {
  const path = [];
  for (let turn = turnOf(session, number); turn; turn = turnOf(session, turn.parent)) path.unshift(turn);
  return path;
}

/** Depth and lane of each turn, by number. The first child of a turn continues its lane. */
export function places(turns) {
  const found = new Map();
  const continued = new Set();
  let lanes = 1;
  for (const { turn, parent } of turns) {
    if (parent === null || !found.has(parent)) {
      found.set(turn, { depth: 0, lane: 0 });
      continue;
    }
    const { depth, lane } = found.get(parent);
    found.set(turn, { depth: depth + 1, lane: continued.has(parent) ? lanes++ : lane });
    continued.add(parent);
  }
  return found;
}
