/** The list of sessions, and the options of a new one. */

import * as api from "./api.js";
import { $, h, icon } from "./dom.js";

/** The tries of a verified turn that the start page offers, and those it proposes. */
const [MAX_TRIES, DEFAULT_TRIES] = [5, 2];

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The URL of a session's page. */
export const addressOf = (id) => `?session=${encodeURIComponent(id)}`;

/** The session in the URL of the page, or null. */
export const addressed = () => new URLSearchParams(location.search).get("session");

const pictures = (count) => (count === 1 ? "1 picture" : `${count} pictures`);

/**
 * The dialog with all sessions, newest first. `go` opens one, `gone` is called with a deleted one, `guarded` runs a
 * request and shows its problem.
 */
export function mountSessions(store, { go, gone, guarded }) {
  const [dialog, list, more, said] = [$("sessions-dialog"), $("sessions-list"), $("sessions-more"), $("sessions-said")];
  const confirm = mountConfirmation();
  let next = null;

  const entry = (session) => {
    const item = h("li", {}, linkTo(session));
    const button = h("button", { type: "button", class: "quiet icon", "aria-label": `Delete “${session.prompt}”` });
    button.append(icon("delete"));
    button.addEventListener("click", () => confirm(session, () => guardedInDialog(() => remove(session, item))));
    item.append(button);
    return item;
  };

  function linkTo(session) {
    const image = h("img", { alt: "", loading: "lazy" });
    image.src = api.picture({ ...session, turn: session.head });
    const link = h(
      "a",
      { href: addressOf(session.session), "aria-current": store.get().session?.id === session.session ? "page" : null },
      image,
      h(
        "span",
        {},
        session.prompt,
        h("span", { class: "fine" }, `${pictures(session.turns)} · ${WHEN.format(new Date(session.created_at))}`),
      ),
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens another tab
      event.preventDefault();
      dialog.close();
      go(session.session);
    });
    return link;
  }

  /** Delete a session and focus the next one. */
  async function remove({ session, prompt }, item) {
    try {
      await api.remove(session);
    } catch (error) {
      if (error.status !== 404) throw error; // it was already deleted
    }
    const beside = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (beside === null) showNone();
    (beside?.querySelector("button") ?? dialog.querySelector(".close")).focus();
    said.textContent = `Deleted “${prompt}”.`;
    gone(session);
  }

  /** Run a request and show its problem in the dialog. */
  const guardedInDialog = (action) =>
    guarded(async () => {
      said.textContent = "";
      try {
        await action();
      } catch (error) {
        if (!(error instanceof api.Problem) || error.status === 401) throw error;
        said.textContent = error.message;
      }
    });

  const showNone = () => list.append(h("li", { class: "fine" }, "No sessions yet."));

  /** Append a page to the list; returns its first entry. */
  async function append() {
    const page = await api.sessions(next);
    const entries = page.sessions.map(entry);
    list.append(...entries);
    next = page.next;
    $("sessions-more-row").hidden = next === null;
    return entries[0];
  }

  more.addEventListener("click", () => guardedInDialog(async () => (await append())?.querySelector("a").focus()));

  return async () => {
    next = null;
    said.textContent = "";
    list.replaceChildren();
    if (!(await append())) showNone();
    dialog.showModal();
  };
}

/** The confirmation before a session is deleted. Returns a function of the session and the action to confirm. */
function mountConfirmation() {
  const dialog = $("delete-dialog");
  let whenConfirmed = null;
  $("delete-yes").addEventListener("click", () => {
    dialog.close();
    whenConfirmed();
  });
  return (session, then) => {
    whenConfirmed = then;
    const warning = `“${session.prompt}”: its feedback and ${pictures(session.turns)} are deleted from this server.`;
    $("delete-what").textContent = `${warning} This can’t be undone.`;
    dialog.showModal();
  };
}

/** The start page: prompt, examples, options and `source`, the picture to start from. */
export function mountStart(store, actions, source) {
  const [form, prompt] = [$("start-form"), $("prompt")];
  for (const example of document.querySelectorAll(".example")) {
    example.addEventListener("click", () => begin(example.textContent));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin(prompt.value);
  });

  function begin(words) {
    if (!words.trim()) return prompt.focus();
    if (store.get().running) return; // the request is being sent
    const chosen = [...document.querySelectorAll("#policies :checked:enabled")].map(({ value }) => value);
    const seed = $("seed").value.trim();
    prompt.value = "";
    actions.start({
      prompt: words,
      ...(chosen.length && { policies: chosen }),
      ...(seed && { seed: Number(seed) }),
      // the default is not sent: a picture that was drawn here keeps its session's model
      ...($("model").selectedOptions[0]?.defaultSelected === false && { model: $("model").value }),
      ...verification(),
      ...source.options(),
    });
  }

  const tries = Array.from({ length: MAX_TRIES + 1 }, (_, count) => h("option", {}, String(count)));
  $("tries").replaceChildren(...tries);
  $("tries").value = DEFAULT_TRIES;
  $("verify").addEventListener("change", showTries);
}

const showTries = () => ($("verify-options").hidden = !$("verify").checked);

/** How the session is verified, for the request; empty leaves it to the server's settings. */
function verification() {
  const { checked, defaultChecked } = $("verify");
  if (!checked) return defaultChecked ? { verify: false } : {};
  return { verify: true, tries: Number($("tries").value), new_seeds: $("new-seeds").checked };
}

/** Load the policies, models and defaults for a new session. */
export async function offer() {
  const [{ policies, always }, { models, verify }] = await Promise.all([api.policies(), api.models()]);
  const boxes = policies.map(({ name, title, exclude }) =>
    h(
      "label",
      { title: `${title}: ${exclude.join(", ")}` },
      h("input", { type: "checkbox", value: name, checked: always.includes(name), disabled: always.includes(name) }),
      name,
    ),
  );
  $("policies").replaceChildren($("policies").firstElementChild, ...boxes);
  $("policies").hidden = boxes.length === 0;
  const options = models.map(({ name, default: selected }) => h("option", { selected }, name));
  $("model").replaceChildren(...options);
  $("model-field").hidden = models.length < 2;
  $("verify").checked = $("verify").defaultChecked = verify;
  showTries();
}
