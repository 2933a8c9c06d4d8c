/**
 * Server-sent events of a turn and of a session, over `fetch`: an EventSource could send no key.
 *
 * @typedef {{id: string, type: string, data: object}} ServerEvent
 */

import { Problem, stream, watch } from "./api.js";

/** After one of these nothing more comes. */
export const ENDS = new Set(["done", "failed", "cancelled"]);

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8000;

/** No answer came, or one that says to come again. */
const PASSING = new Set([0, 429, 503]);

/** The events of a turn, up to its end. */
export const events = (session, turn, signal) => resumed((last) => stream(session, turn, last, signal), signal);

/** The events of a session, which have no end. */
export const standings = (session, signal) => resumed((last) => watch(session, last, signal), signal);

/**
 * The events of a stream that `open` opens, up to one that ends it; after a lost connection, and an event `lost`,
 * from the one after the last.
 *
 * Throws a `Problem` where the server knows of no such thing, and an AbortError after `signal`.
 */
async function* resumed(open, signal) {
  let last = "";
  let pause = FIRST_PAUSE;
  for (;;) {
    try {
      const response = await open(last);
      if (response.status === 204) return; // all was told already
      for await (const event of parse(response.body)) {
        last = event.id || last;
        pause = FIRST_PAUSE;
        yield event;
        if (ENDS.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && !PASSING.has(error.status))) throw error;
    }
    yield { id: last, type: "lost", data: {} };
    await elapsed(pause, signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** The events of a stream of bytes, as the HTML standard reads them. */
export async function* parse(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let event = { id: "", type: "message", data: "" };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (text + value).split(/\r\n|\n|\r(?!$)/);
      text = lines.pop();
      for (const line of lines) {
        if (line !== "") {
          event = withLine(event, line);
          continue;
        }
        if (event.data) yield { ...event, data: JSON.parse(event.data) };
        event = { id: event.id, type: "message", data: "" };
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be gone already
  }
}

function withLine(event, line) {
  const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (field === "event") return { ...event, type: value };
  if (field === "id") return { ...event, id: value };
  if (field === "data") return { ...event, data: event.data ? `${event.data}\n${value}` : value };
  return event;
}

function elapsed(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
