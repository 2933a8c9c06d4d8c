/** The server's API, as far as the page uses it: the only place that knows its addresses. */

const KEY = "notthat.key";
const RETRIES = 2;
const PAGE = 1000;

/** An answer that is no success: `message` is one line for the person. */
export class Problem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** A problem of RFC 9457, as a line that begins like a sentence. */
export function problemOf({ status, title, detail = title }) {
  return new Problem(detail[0].toUpperCase() + detail.slice(1), status);
}

/** The key that was entered in this tab, or null; a server without keys asks for none. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export const sessions = () => json("api/sessions");
export const policies = () => json("api/policies");
export const models = () => json("api/models");

/** These answer with the turn, or with the address of the `events` of the one that is on its way. */
export const start = (asked) => post("api/sessions", asked);
export const say = (id, feedback) => post(`${session_(id)}/turns`, { feedback });
export const edit = (id, edits) => post(`${session_(id)}/edits`, { edits });
export const reroll = (id) => post(`${session_(id)}/seed`, {});
export const retry = (id, turn) => post(`${session_(id)}/retry`, { turn });

/** These answer with the turn that is shown then. */
export const undo = (id) => post(`${session_(id)}/undo`, {});
export const branch = (id, turn) => post(`${session_(id)}/branch`, { turn });

/** Ask that a turn stop; its events tell when it has. */
export const cancel = (id, turn) => request(events_(id, turn), { method: "DELETE" });

/** Open the stream of a turn's events, from the one after `last`; or that of how a session stands. */
export const stream = (id, turn, last, signal) => follow(events_(id, turn), last, signal);
export const watch = (id, last, signal) => follow(`${session_(id)}/events`, last, signal);

/** A picture's address here; an answer's own is the one that the world knows, which may be another origin. */
export const picture = ({ sha256, session, turn }) => `api/images/${sha256}.png?session=${session}&turn=${turn}`;

/** What became of a term on the way to a turn: events with the turn, the weight before and after, the words. */
export const why = async (id, turn, term) =>
  (await json(`${session_(id)}/why?turn=${turn}&term=${encodeURIComponent(term)}`)).events;

/** The address of a session's replay, a page that needs nothing else; and that page itself, where a key is needed. */
export const replay = (id) => `${session_(id)}/replay.html`;
export const replayFile = async (id) => (await request(replay(id))).blob();

/** A session with all its turns, of which those in `known` need no asking: a turn never changes. */
export const session = async (id, known = []) => complete(await json(session_(id)), known);

/** The same where it is told already how the session stands. */
export async function complete(told, known) {
  const id = told.session;
  const more = await turnsFrom(id, known.length ? known.at(-1).turn + 1 : 0, told.turns - known.length);
  const turns = [...known, ...more];
  return { ...told, id, turns: turns.length < told.turns ? await turnsFrom(id, 0, told.turns) : turns };
}

const follow = (url, last, signal) =>
  request(url, { headers: { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) }, signal });

async function turnsFrom(id, first, count) {
  const found = [];
  while (found.length < count) {
    const { turns } = await json(`${session_(id)}/turns?first=${first}&limit=${PAGE}`);
    if (turns.length === 0) break;
    found.push(...turns);
    first = turns.at(-1).turn + 1;
  }
  return found;
}

const session_ = (id) => `api/sessions/${encodeURIComponent(id)}`;

const events_ = (id, turn) => `${session_(id)}/turns/${turn}/events`;

const json = async (url) => (await request(url)).json();

async function post(url, body) {
  const headers = { "Content-Type": "application/json", Prefer: "respond-async", "Idempotency-Key": unguessable() };
  const response = await again(() => request(url, { method: "POST", headers, body: JSON.stringify(body) }));
  return response.json();
}

/** Once more where no answer came; the idempotency key sees to it that nothing is done twice. */
async function again(send) {
  for (let left = RETRIES; ; left--) {
    try {
      return await send();
    } catch (error) {
      if (error.status !== 0 || left === 0) throw error;
    }
  }
}

async function request(url, { headers = {}, ...options } = {}) {
  const held = key.get();
  let response;
  try {
    response = await fetch(url, {
      ...options,
      headers: { ...headers, ...(held && { Authorization: `Bearer ${held}` }) },
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem("The server can’t be reached. Is it still running?");
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response) {
  let told = {};
  try {
    told = await response.json();
  } catch {
    // an answer of somebody in between, who doesn't speak JSON: its status has to do
  }
  return problemOf({ title: `the server answered ${response.status}`, ...told, status: response.status });
}

/** 128 random bits; `crypto.randomUUID` is there on secure origins only, and a LAN's address is none. */
function unguessable() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
