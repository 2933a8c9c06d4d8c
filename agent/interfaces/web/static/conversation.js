/** The actions of the user, and their effect on the state. */

import * as api from "./api.js";
import { events } from "./events.js";
import { BEGINNING, HANDOFF, SOURCE, comparedPicture, sourceOf, turnOf, unfinished } from "./state.js";

/** Milliseconds without a change before a new weight is drawn, so that several taps make one turn. */
const SETTLE = 900;

/** Statuses of a request that is refused for what it contains: a file that is no picture, or one that is too large. */
const REFUSALS = new Set([400, 413, 415, 422]);

/** The initial state of a running turn. */
const NEW_TURN = Object.freeze({
  session: null,
  turn: null,
  words: "",
  back: "",
  phase: "sent",
  place: 0,
  step: 0,
  steps: 0,
  preview: null,
  reply: "",
  recorded: false,
  own: false,
});

export function createConversation(store, { onReturned, onAnnounce, onOpened, onRefused }) {
  let visit = new AbortController();
  let settling = null;
  let pendingUpdate = null; // a session event that arrived during a turn
  let followed = 0; // number of turns that this page has followed

  /** Run an action and show its problem. */
  async function guarded(action) {
    const { signal } = visit;
    try {
      await action();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof api.Problem)) throw error;
      store.set({ problem: error });
    }
  }

  function leave() {
    visit.abort();
    visit = new AbortController();
    clearTimeout(settling);
    store.set({ ...BEGINNING, view: store.get().view });
  }

  async function refresh() {
    const { session } = store.get();
    const { signal } = visit;
    pendingUpdate = null;
    if (session) take(await api.session(session.id, session.turns), signal);
  }

  /** Apply a session event at once, or after the running turn. */
  async function hear(response) {
    const { signal } = visit;
    const { session, running } = store.get();
    if (response.session !== session?.id) return;
    if (running) pendingUpdate = response;
    else if (fingerprint(response) !== fingerprint(session)) {
      const whole = await api.complete(response, session.turns);
      if (store.get().running) pendingUpdate = response;
      else take(whole, signal);
    }
  }

  /** Apply the session response and follow its pending turn. */
  function take(response, signal) {
    if (signal.aborted) return;
    const { problem } = store.get();
    store.set({ view: "session", session: response, problem: problem?.status === 0 ? null : problem });
    const next = response.pending.find(({ turn }) => turnOf(response, turn) === null);
    if (next && !store.get().running) guarded(() => follow(next));
    // one of the two is outdated
    else if (pendingUpdate && fingerprint(pendingUpdate) !== fingerprint(response)) guarded(refresh);
  }

  /** Follow a pending turn that another page, or this one before a reload, requested. */
  async function follow({ session, turn, feedback }) {
    const { signal } = visit;
    followed++;
    store.set({ running: { ...NEW_TURN, session, turn, words: feedback } });
    try {
      await watch(signal);
    } catch (error) {
      if (!signal.aborted) {
        store.set({ running: null });
        await refresh(); // it may have ended while the connection was lost
      }
      throw error;
    }
  }

  async function watch(signal) {
    const { session, turn } = store.get().running;
    for await (const { type, data } of events(session, turn, signal)) {
      if (signal.aborted) return;
      if (type === "done") return ended(data, signal);
      if (type === "failed" || type === "cancelled") return returned(type, data, signal);
      store.set({ running: applyEvent(store.get().running, type, data) });
    }
  }

  async function ended(turn, signal) {
    const { session: known, running } = store.get();
    pendingUpdate = null;
    const response = await api.session(turn.session, known.turns);
    if (signal.aborted) return;
    const { asides } = store.get();
    const stored = turnOf(known, turn.turn) === null; // feedback that changed nothing is no new turn
    const { feedback: words, reply, handoff, links } = turn;
    const aside = { after: response.head, words, reply, handoff, links };
    const looking = running.own ? { shown: null, drafts: {} } : {}; // keep the selection after another page's turn
    store.set({ running: null, ...looking, asides: stored ? asides : [...asides, aside] });
    take(response, signal);
    onAnnounce(handoff ? `${reply} ${HANDOFF}: the links are in the conversation.` : reply);
  }

  /**
   * A turn failed or was cancelled: restore its feedback in the field, and offer a retry.
   *
   * The line of the unfinished turn reports it; if nothing was recorded, a problem does.
   */
  async function returned(type, data, signal) {
    const { running, session } = store.get();
    const problem = type === "failed" ? api.problemOf(data) : null;
    const isFirst = session.turns.length === 0;
    const drafts = running.own ? {} : store.get().drafts;
    const reason = running.recorded ? data.detail : null;
    store.set({ running: null, drafts, reason, session: isFirst ? null : session });
    if (isFirst) onOpened(null);
    onReturned(running.back);
    if (isFirst) {
      const retry = problem ? await retryOf(session.id) : null;
      if (!signal.aborted) store.set({ problem: retry ? withRetry(problem, session.id, retry) : problem });
      return;
    }
    if (!running.recorded) {
      if (problem) store.set({ problem });
      else onAnnounce("Cancelled.");
      return refresh();
    }
    const latest = followed;
    await refresh();
    // the server may have failed to record the outcome; skip this if another turn was followed meanwhile
    if (!signal.aborted && followed === latest && !unfinished(store.get())) store.set({ problem });
  }

  /** The turn to retry of a session without a picture; null if the session does not exist. */
  async function retryOf(id) {
    try {
      return (await api.session(id)).retry;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** Add the action “Try again” to the problem of a first picture. */
  function withRetry(problem, id, { feedback, turn: number }) {
    problem.again = () => {
      leave();
      return guarded(() => turn(feedback, () => api.retry(id, number)));
    };
    return problem;
  }

  /** Request a turn and follow it. `words` are shown while it runs and restored if it fails. */
  async function turn(words, ask) {
    if (store.get().running) return;
    const { signal } = visit;
    const running = { ...NEW_TURN, session: store.get().session?.id ?? null, words, back: words, own: true };
    followed++;
    store.set({ running, problem: null, reason: null });
    try {
      const response = await ask();
      if (signal.aborted) return;
      const { running, session } = store.get();
      store.set({ running: { ...running, session: response.session, turn: response.turn } });
      if (!session) {
        // a picture that was drawn here continues its session
        const isNew = response.turn === 0;
        const begun = { id: response.session, head: null, turns: [], pending: [] };
        store.set({ session: isNew ? begun : await api.session(response.session) });
        if (signal.aborted) return;
        onOpened(response.session);
      }
      await watch(signal);
    } catch (error) {
      if (!signal.aborted) {
        store.set({ running: null });
        onReturned(words);
        actions.refresh(); // other pages may have changed the session
      }
      throw error;
    }
  }

  /** Request a turn that continues from the selected picture. */
  const grow = (words, ask) =>
    guarded(() =>
      turn(words, async () => {
        const { id } = store.get().session;
        await branchFromShown();
        return ask(id);
      }),
    );

  /** Make the selected turn the head. */
  async function branchFromShown() {
    const { session, shown } = store.get();
    if (shown === SOURCE) store.set({ shown: null });
    if (shown === null || shown === SOURCE) return;
    await api.branch(session.id, shown);
    await refresh();
    store.set({ shown: null });
  }

  /** Move the head to another turn and select it. */
  async function move(ask) {
    const { signal } = visit;
    await ask(store.get().session.id);
    if (signal.aborted) return;
    store.set({ shown: null, drafts: {} });
    await refresh();
  }

  function applyDrafts() {
    const edits = Object.entries(store.get().drafts).map(([term, weight]) => ({ op: "reweight", term, weight }));
    if (edits.length > 0) actions.edit(edits);
  }

  const actions = {
    open(id) {
      leave();
      const { signal } = visit;
      return guarded(async () => {
        const response = await api.session(id);
        if (response.turns.length || response.pending.length) return take(response, signal);
        if (signal.aborted) return;
        onReturned(response.retry.feedback);
        const problem = new api.Problem("The first picture of this session was not finished.");
        store.set({ problem: withRetry(problem, id, response.retry) });
      });
    },
    close: () => (leave(), store.set({ view: "start" })),
    refresh: () => guarded(() => store.get().running || refresh()),
    hear: (response) => guarded(() => hear(response)),
    start(options) {
      leave();
      return guarded(async () => {
        try {
          await turn(options.prompt, () => api.start(options));
        } catch (error) {
          if (!options.picture || !REFUSALS.has(error.status)) throw error;
          onRefused(error.message);
        }
      });
    },
    say: (words) => grow(words, (id) => api.say(id, words)),
    edit: (edits) => grow("", (id) => api.edit(id, edits)),
    reroll: () => grow("", api.reroll),
    retry: () =>
      guarded(() => {
        const { session } = store.get();
        return turn(session.retry.feedback, () => api.retry(session.id, session.retry.turn));
      }),
    undo: () => guarded(() => move(api.undo)),
    branch: (number) => guarded(() => move((id) => api.branch(id, number))),
    cancel: () =>
      guarded(async () => {
        const { running } = store.get();
        if (running?.turn == null) return;
        // restore the feedback here, even if another page requested it
        store.set({ running: { ...running, back: running.words } });
        await api.cancel(running.session, running.turn);
      }),
    show(number) {
      const { session, ...state } = store.get();
      if (number === SOURCE ? !sourceOf(session) : !turnOf(session, number)) return;
      const shown = number === session.head ? null : number;
      const comparing = state.comparing && comparedPicture({ ...state, session, shown }) !== null;
      store.set({ shown, drafts: {}, comparing });
    },
    compare() {
      const state = store.get();
      if (state.comparing || comparedPicture(state) !== null) store.set({ comparing: !state.comparing });
    },
    /** Compare with the source, or again with the turn before. */
    compareWithSource: () => store.set({ againstSource: !store.get().againstSource }),
    release: (term) =>
      guarded(async () => {
        const { id } = store.get().session;
        const { signal } = visit;
        await branchFromShown();
        await api.release(id, term);
        take(await api.session(id), signal); // with all turns, because the current turn may have lost the pin
      }),
    allow: (term) => actions.edit([{ op: "allow", term }]),
    /** Set a draft weight. It is drawn after a pause, or at once by `settle`. */
    weigh(term, weight) {
      if (store.get().running) return;
      store.set({ drafts: { ...store.get().drafts, [term]: weight } });
      clearTimeout(settling);
      settling = setTimeout(applyDrafts, SETTLE);
    },
    settle() {
      clearTimeout(settling);
      applyDrafts();
    },
    unweigh() {
      clearTimeout(settling);
      store.set({ drafts: {} });
    },
    dismiss: () => store.set({ problem: null }),
  };

  return actions;
}

/** The parts of a session that the page shows, for comparison; pure. `turns` is a number or an array. */
function fingerprint({ head, turns, pending, retry, question }) {
  return JSON.stringify([head, turns.length ?? turns, pending.map(({ turn }) => turn), retry, question]);
}

/** The state of a running turn after an event; pure. */
function applyEvent(running, type, data) {
  if (type === "lost") return { ...running, phase: "lost" };
  if (type === "queued") return { ...running, phase: "queued", place: data.place };
  if (type === "interpreted")
    return { ...running, recorded: true, reply: data.reply, words: data.feedback ?? running.words };
  if (type === "step") return { ...running, phase: "drawing", step: data.step, steps: data.steps };
  if (type === "preview") return { ...running, phase: "drawing", preview: data.image };
  return running;
}
