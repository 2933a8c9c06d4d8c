/**
 * The state of the page, and pure functions of it.
 *
 * @typedef {{term: string, weight: number, source: string, since: number, words: string}} Exclusion
 * @typedef {{session: string, turn: number, parent: ?number, feedback: string, reply: string, prompt: string,
 *   sha256: string, exclusions: Exclusion[], source: ?Source, pins: Pin[], seconds: number, handoff: boolean,
 *   links: {page: string, replay: string}}} Turn
 * @typedef {{sha256: string, strength: ?number, mask: ?string}} Source
 * @typedef {{kind: "keep"|"only", term: string, words: string, since: number}} Pin
 * @typedef {{turn: number, parent: ?number, feedback: string, reply: string, status: "failed"|"cancelled"}} Retry
 * @typedef {{text: string, edits: object[], otherwise: object[], choose: boolean}} Question
 * @typedef {{id: string, head: ?number, turns: Turn[], pending: object[], retry: ?Retry, question: ?Question}} Session
 * @typedef {{session: ?string, turn: ?number, words: string, back: string, phase: "sent"|"queued"|"drawing"|"lost",
 *   place: number, step: number, steps: number, preview: ?string, reply: string, recorded: boolean, own: boolean}} Running
 */

/** Selects the picture that the session started from, in place of the number of a turn. */
export const SOURCE = "source";

/**
 * The initial state. `shown` is the selected turn or `SOURCE`, null for the head. `againstSource` is whether a turn is
 * compared with the source instead of the turn before it. `reason` is why the turn that can be retried
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
  againstSource: false,
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

/** The selected turn; null before the first one, and if the source is selected. */
export const shownTurn = ({ session, shown }) => turnOf(session, shown ?? session?.head);

/** The picture that the session started from, or null. */
export function sourceOf(session) {
  const source = session?.turns.find((turn) => turn.source)?.source;
  return source ? { ...source, session: session.id, turn: SOURCE } : null;
}

/** The selected picture: a turn or the source; null before the first one. */
export const shownPicture = (state) => (state.shown === SOURCE ? sourceOf(state.session) : shownTurn(state));

/** The picture that the selected turn is compared with: the turn before it or the source; null if there is none. */
export function comparedPicture(state) {
  const turn = shownTurn(state);
  if (turn === null) return null;
  const source = sourceOf(state.session);
  return (state.againstSource ? source : null) ?? turnOf(state.session, turn.parent) ?? source;
}

/** What a picture is called: “turn 3”, or “source”. */
export const nameOf = ({ turn }) => (turn === SOURCE ? "source" : `turn ${turn}`);

/** What a picture shows, for those who can't see it. */
export const describe = ({ turn, prompt }) =>
  turn === SOURCE ? "Source: the picture that this session started from" : `Turn ${turn}: ${prompt}`;

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
