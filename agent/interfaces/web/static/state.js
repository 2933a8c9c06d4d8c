/**
 * What the page knows, in one place, and what follows from it.
 *
 * @typedef {{term: string, weight: number, source: string, since: number, words: string}} Exclusion
 * @typedef {{session: string, turn: number, parent: ?number, feedback: string, reply: string, prompt: string,
 *   sha256: string, exclusions: Exclusion[], seconds: number, handoff: boolean,
 *   links: {page: string, replay: string}}} Turn
 * @typedef {{turn: number, parent: ?number, feedback: string, reply: string, status: "failed"|"cancelled"}} Retry
 * @typedef {{id: string, head: ?number, turns: Turn[], pending: object[], retry: ?Retry}} Session
 * @typedef {{session: ?string, turn: ?number, words: string, back: string, phase: "sent"|"queued"|"drawing"|"lost",
 *   place: number, step: number, steps: number, preview: ?string, reply: string, own: boolean}} Running
 */

/**
 * The page as it begins; `shown` is the turn that is looked at, null where that is the head, `reason` why the latest
 * turn came to no picture, as far as this page has heard.
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

/** What is said where a person should take over. */
export const HANDOFF = "This may be one for a person";

/** Holds the state; whoever subscribes is called with it, at once and after every change. */
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

/** The turn that is looked at, or null before the first. */
export const shownTurn = ({ session, shown }) => turnOf(session, shown ?? session?.head);

/** The turn that came to no picture and can be tried again from where the session stands, or null. */
export const unfinished = ({ session, running }) =>
  !running && session?.retry && session.retry.parent === session.head ? session.retry : null;

/** The turns that led to a turn, from the first. */
export function pathTo(session, number) {
  const path = [];
  for (let turn = turnOf(session, number); turn; turn = turnOf(session, turn.parent)) path.unshift(turn);
  return path;
}

/** Each turn's depth and lane, by its number: the first that grows from a turn goes on in its lane. */
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
