/** The server's API, as far as the page uses it: the only place that knows its addresses. */

const KEY = "notthat.key";
const RETRIES = 2;

/** An answer that is no success: `message` is one line for the person. */
export class Problem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The key that was entered in this tab, or null; a server without keys asks for none. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export const sessions = () => json("api/sessions");
export const session = (id) => json(session_(id));
export const policies = () => json("api/policies");
export const models = () => json("api/models");

/** These answer with the turn, or with the address of the `events` of the one that is on its way. */
export const start = (asked) => post("api/sessions", asked);
export const say = (id, feedback) => post(`${session_(id)}/turns`, { feedback });
export const edit = (id, edits) => post(`${session_(id)}/edits`, { edits });
export const reroll = (id) => post(`${session_(id)}/reroll`, {});

/** These answer with the turn that is shown then. */
export const undo = (id) => post(`${session_(id)}/undo`, {});
export const branch = (id, turn) => post(`${session_(id)}/branch`, { turn });

/** Ask that a turn stop; its events tell when it has. */
export const cancel = (id, turn) => request(`${session_(id)}/turns/${turn}`, { method: "DELETE" });

/** Open a stream of events, from the one after `last`. */
export const stream = (url, last, signal) =>
  request(url, { headers: { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) }, signal });

const pictures = new Map();

/** An address that an <img> can show: the picture's own, or a copy of it where the server wants a key. */
export function picture(sha256) {
  const address = `api/images/${sha256}.png`;
  if (key.get() === null) return Promise.resolve(address);
  if (!pictures.has(sha256)) {
    const copy = request(address)
      .then((response) => response.blob())
      .then((blob) => URL.createObjectURL(blob));
    copy.catch(() => pictures.delete(sha256));
    pictures.set(sha256, copy);
  }
  return pictures.get(sha256);
}

const session_ = (id) => `api/sessions/${encodeURIComponent(id)}`;

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
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  let told = {};
  try {
    told = await response.json();
  } catch {
    // an answer of somebody in between, who doesn't speak JSON: its status has to do
  }
  const line = told.detail || told.title || `The server answered ${response.status}.`;
  const wait = response.status === 429 ? response.headers.get("Retry-After") : null;
  return new Problem(wait ? `${line} Try again in ${wait} s.` : line, response.status);
}

/** 128 random bits; `crypto.randomUUID` is there on secure origins only, and a LAN's address is none. */
function unguessable() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
