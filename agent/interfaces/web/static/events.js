/**
 * Server-sent events of a turn and of a session, over `fetch`, because an EventSource can't send a key.
 *
 * @typedef {{id: string, type: string, data: object}} ServerEvent
 */

import { Problem, stream, watch } from "./api.js";

/** The last event of a stream. */
export const ENDS = new Set(["done", "failed", "cancelled"]);

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8000;

/** Statuses to retry; 0 means no response. */
const RETRYABLE = new Set([0, 429, 503]);

/** The events of a turn, up to its end. */
export const events = (session, turn, signal) => resumed((last) => stream(session, turn, last, signal), signal);

/** The events of a session; the stream never ends. */
export const standings = (session, signal) => resumed((last) => watch(session, last, signal), signal);

/**
 * The events of the stream that `open` opens, up to its last event. After a lost connection, yields an event `lost`
 * and reconnects after the last received event.
 *
 * Throws a `Problem` that is not retryable, and an AbortError after `signal`.
 */
async function* resumed(open, signal) {
  let last = "";
  let pause = FIRST_PAUSE;
  for (;;) {
    try {
      const response = await open(last);
      if (response.status === 204) return; // all events were received
      for await (const event of parse(response.body)) {
        last = event.id || last;
        pause = FIRST_PAUSE;
        yield event;
        if (ENDS.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && !RETRYABLE.has(error.status))) throw error;
    }
    yield { id: last, type: "lost", data: {} };
    await elapsed(pause, signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** Parse a byte stream into events, as the HTML standard specifies. */
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
    reader.cancel().catch(() => {}); // the connection may be closed
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
