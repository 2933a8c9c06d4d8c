/** What a person can do, and what becomes of the state: the page's own `Conversation`. */

import * as api from "./api.js";
import { events } from "./events.js";
import { BEGINNING, HANDOFF, shownTurn, turnOf, unfinished } from "./state.js";

/** How long a weight has to be left alone before it is drawn: several taps make one turn. */
const SETTLE = 900;

/** A turn that was asked for, as far as it is known at once. */
const ASKED = Object.freeze({
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

export function createConversation(store, { onReturned, onAnnounce, onOpened }) {
  let visit = new AbortController();
  let settling = null;
  let heard = null; // how the session stood while this page waited for a turn
  let begun = 0; // turns that this page has followed

  /** Do something that may fail: the line is then shown, and the page stands as before. */
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
    heard = null;
    if (session) take(await api.session(session.id, session.turns), signal);
  }

  /** Hear how the session stands now: at once, or after the turn that this page waits for. */
  async function hear(told) {
    const { signal } = visit;
    const { session, running } = store.get();
    if (told.session !== session?.id) return;
    if (running) heard = told;
    else if (gist(told) !== gist(session)) {
      const whole = await api.complete(told, session.turns);
      if (store.get().running) heard = told;
      else take(whole, signal);
    }
  }

  /** Take what the server says of the session, and follow what it is drawing. */
  function take(told, signal) {
    if (signal.aborted) return;
    const { problem } = store.get();
    store.set({ view: "session", session: told, problem: problem?.status === 0 ? null : problem });
    const next = told.pending.find(({ turn }) => turnOf(told, turn) === null);
    if (next && !store.get().running) guarded(() => follow(next));
    else if (heard && gist(heard) !== gist(told)) guarded(refresh); // one of the two is older
  }

  /** Follow a turn that is on its way, and that somebody asked for: perhaps here, before a reload. */
  async function follow({ session, turn, feedback }) {
    const { signal } = visit;
    begun++;
    store.set({ running: { ...ASKED, session, turn, words: feedback } });
    try {
      await watch(signal);
    } catch (error) {
      if (!signal.aborted) {
        store.set({ running: null });
        await refresh(); // it may have ended while nobody could tell
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
      store.set({ running: progressed(store.get().running, type, data) });
    }
  }

  async function ended(turn, signal) {
    const { session: known, running } = store.get();
    heard = null;
    const told = await api.session(turn.session, known.turns);
    if (signal.aborted) return;
    const { asides } = store.get();
    const stored = turnOf(known, turn.turn) === null; // words that changed nothing are no turn of the session's
    const { feedback: words, reply, handoff, links } = turn;
    const aside = { after: told.head, words, reply, handoff, links };
    const looking = running.own ? { shown: null, drafts: {} } : {}; // at what another's turn doesn't change
    store.set({ running: null, ...looking, asides: stored ? asides : [...asides, aside] });
    take(told, signal);
    onAnnounce(handoff ? `${reply} ${HANDOFF}: the links are in the conversation.` : reply);
  }

  /**
   * A turn came to no picture: what was said is there to be changed, and can be tried again as it was.
   *
   * It is told once: by the line of the turn that can be tried again, or by a problem where nothing was recorded.
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
      if (!signal.aborted) store.set({ problem: retry ? beginAgain(problem, session.id, retry) : problem });
      return;
    }
    if (!running.recorded) {
      if (problem) store.set({ problem });
      else onAnnounce("Cancelled.");
      return refresh();
    }
    const latest = begun;
    await refresh();
    // the server may have been unable to record how it ended; but a turn that was begun meanwhile has its own end
    if (!signal.aborted && begun === latest && !unfinished(store.get())) store.set({ problem });
  }

  /** What can be tried again of a session without a picture; null where there is no such session. */
  async function retryOf(id) {
    try {
      return (await api.session(id)).retry;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** The problem of a first picture, with the way to have it drawn all the same. */
  function beginAgain(problem, id, { feedback, turn: number }) {
    problem.again = () => {
      leave();
      return guarded(() => turn(feedback, () => api.retry(id, number)));
    };
    return problem;
  }

  /** Ask for a turn and follow it; `words` are shown while it is on its way, and given back where it fails. */
  async function turn(words, ask) {
    if (store.get().running) return;
    const { signal } = visit;
    const running = { ...ASKED, session: store.get().session?.id ?? null, words, back: words, own: true };
    begun++;
    store.set({ running, problem: null, reason: null });
    try {
      const told = await ask();
      if (signal.aborted) return;
      const { running, session } = store.get();
      store.set({ running: { ...running, session: told.session, turn: told.turn } });
      if (!session) {
        store.set({ session: { id: told.session, head: null, turns: [], pending: [] } });
        onOpened(told.session);
      }
      await watch(signal);
    } catch (error) {
      if (!signal.aborted) {
        store.set({ running: null });
        onReturned(words);
        actions.refresh(); // for what others did meanwhile
      }
      throw error;
    }
  }

  /** Change the session by a turn that grows from the picture that is looked at. */
  const grow = (words, ask) =>
    guarded(() =>
      turn(words, async () => {
        const { id } = store.get().session;
        await goOnFromShown();
        return ask(id);
      }),
    );

  /** Make the picture that is looked at the one that the next turn grows from. */
  async function goOnFromShown() {
    const { session, shown } = store.get();
    if (shown === null) return;
    await api.branch(session.id, shown);
    await refresh();
    store.set({ shown: null });
  }

  /** Let another turn be the head, and look at it. */
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
        const told = await api.session(id);
        if (told.turns.length || told.pending.length) return take(told, signal);
        if (signal.aborted) return;
        onReturned(told.retry.feedback);
        const problem = new api.Problem("The first picture of this session was not drawn to its end.");
        store.set({ problem: beginAgain(problem, id, told.retry) });
      });
    },
    close: () => (leave(), store.set({ view: "start" })),
    refresh: () => guarded(() => store.get().running || refresh()),
    hear: (told) => guarded(() => hear(told)),
    start(asked) {
      leave();
      return guarded(() => turn(asked.prompt, () => api.start(asked)));
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
        store.set({ running: { ...running, back: running.words } }); // whoever asked for it: here it is changed
        await api.cancel(running.session, running.turn);
      }),
    show(number) {
      const { session } = store.get();
      if (!turnOf(session, number)) return;
      const comparing = store.get().comparing && turnOf(session, number).parent !== null;
      store.set({ shown: number === session.head ? null : number, drafts: {}, comparing });
    },
    compare() {
      const state = store.get();
      if (state.comparing || shownTurn(state)?.parent != null) store.set({ comparing: !state.comparing });
    },
    allow: (term) => actions.edit([{ op: "allow", term }]),
    /** Weigh a term otherwise: drawn once the weight has been left alone, or at once by `settle`. */
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

/** What makes a session look otherwise; pure. `turns` is their number, or they are there. */
function gist({ head, turns, pending, retry }) {
  return JSON.stringify([head, turns.length ?? turns, pending.map(({ turn }) => turn), retry]);
}

/** What is known of a turn on its way, after one more event; pure. */
function progressed(running, type, data) {
  if (type === "lost") return { ...running, phase: "lost" };
  if (type === "queued") return { ...running, phase: "queued", place: data.place };
  if (type === "interpreted")
    return { ...running, recorded: true, reply: data.reply, words: data.feedback ?? running.words };
  if (type === "step") return { ...running, phase: "drawing", step: data.step, steps: data.steps };
  if (type === "preview") return { ...running, phase: "drawing", preview: data.image };
  return running;
}
