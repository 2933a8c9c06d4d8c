/** Client of the server's API. No other module builds URLs. */

import { SOURCE } from "./state.js";

const KEY = "notthat.key";
const RETRIES = 2;
const PAGE = 1000;

/** An error of the API; `message` is one line for the user, `status` is 0 if there was no response. */
export class Problem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Convert a problem document (RFC 9457); the message starts with a capital letter. */
export function problemOf({ status, title, detail = title }) {
  return new Problem(detail[0].toUpperCase() + detail.slice(1), status);
}

/** The API key stored in this tab, or null. A server without keys needs none. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** A page of sessions, newest first; `next` is the cursor from the previous page. */
export const sessions = (next = null) => json(`api/sessions${next ? `?cursor=${encodeURIComponent(next)}` : ""}`);
export const policies = () => json("api/policies");
export const models = () => json("api/models");

/** The limits of pictures to start from: `max_bytes` of a file, `max_side` and `max_pixels`. */
export const pictureLimits = async () => (await models()).pictures ?? {};

/** These return the turn, or a pending turn with the URL of its `events`. */
export const start = (options) => post("api/sessions", options);
export const say = (id, feedback) => post(`${session_(id)}/turns`, { feedback });
export const edit = (id, edits) => post(`${session_(id)}/edits`, { edits });
export const reroll = (id) => post(`${session_(id)}/seed`, {});
export const retry = (id, turn) => post(`${session_(id)}/retry`, { turn });

/** Release what a pin keeps, or restricts changes to. */
export const release = (id, term) =>
  request(`${session_(id)}/pins/${encodeURIComponent(term)}`, {
    method: "DELETE",
    headers: { Prefer: "respond-async", "Idempotency-Key": randomId() },
  });

/** These return the new current turn. */
export const undo = (id) => post(`${session_(id)}/undo`, {});
export const branch = (id, turn) => post(`${session_(id)}/branch`, { turn });

/** Cancel a turn; its event stream confirms it. */
export const cancel = (id, turn) => request(events_(id, turn), { method: "DELETE" });

/** Delete a session with its feedback and pictures. */
export const remove = (id) => request(session_(id), { method: "DELETE" });

/** Open the event stream of a turn or a session, after the event id `last`. */
export const stream = (id, turn, last, signal) => follow(events_(id, turn), last, signal);
export const watch = (id, last, signal) => follow(`${session_(id)}/events`, last, signal);

/** The relative URL of a picture. The URL in a response may have another origin. A source belongs to no one turn. */
export const picture = ({ sha256, session, turn }) =>
  turn === SOURCE ? `api/images/${sha256}.png` : `api/images/${sha256}.png?session=${session}&turn=${turn}`;

/** The history of a term up to a turn: events with turn, weight before and after, and feedback. */
export const why = async (id, turn, term) =>
  (await json(`${session_(id)}/why?turn=${turn}&term=${encodeURIComponent(term)}`)).events;

/** The URL of a session's HTML report, and its content for servers that need a key. */
export const replay = (id) => `${session_(id)}/replay.html`;
export const replayFile = async (id) => (await request(replay(id))).blob();

/** A session with all its turns. Turns in `known` are not fetched again: they never change. */
export const session = async (id, known = []) => complete(await json(session_(id)), known);

/** The same, given the session response. */
export async function complete(response, known) {
  const id = response.session;
  const more = await turnsFrom(id, known.length ? known.at(-1).turn + 1 : 0, response.turns - known.length);
  const turns = [...known, ...more];
  return { ...response, id, turns: turns.length < response.turns ? await turnsFrom(id, 0, response.turns) : turns };
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
  const headers = { "Content-Type": "application/json", Prefer: "respond-async", "Idempotency-Key": randomId() };
  const response = await withRetries(() => request(url, { method: "POST", headers, body: JSON.stringify(body) }));
  return response.json();
}

/** Retry if there was no response. The idempotency key prevents a second turn. */
async function withRetries(send) {
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
  if (!response.ok) throw await readProblem(response);
  return response;
}

async function readProblem(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // a proxy's response without JSON: only its status is known
  }
  return problemOf({ title: `the server answered ${response.status}`, ...body, status: response.status });
}

/** 128 random bits in hex. `crypto.randomUUID` needs a secure origin, which a LAN address is not. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
