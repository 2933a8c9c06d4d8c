/** The sessions to come back to, and what a new one can be begun with. */

import * as api from "./api.js";
import { $, h, icon } from "./dom.js";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The address of a session's page. */
export const addressOf = (id) => `?session=${encodeURIComponent(id)}`;

/** The session that the page's address names, or null. */
export const addressed = () => new URLSearchParams(location.search).get("session");

const pictures = (count) => (count === 1 ? "1 picture" : `${count} pictures`);

/**
 * The dialog with all sessions, newest first; `go` opens one, `gone` hears which one was deleted, and `guarded` does
 * something that asks the server.
 */
export function mountSessions(store, { go, gone, guarded }) {
  const [dialog, list, more, said] = [$("sessions-dialog"), $("sessions-list"), $("sessions-more"), $("sessions-said")];
  const confirm = mountConfirmation();
  let next = null;

  const entry = (session) => {
    const item = h("li", {}, linkTo(session));
    const button = h("button", { type: "button", class: "quiet icon", "aria-label": `Delete “${session.prompt}”` });
    button.append(icon("delete"));
    button.addEventListener("click", () => confirm(session, () => told(() => remove(session, item))));
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
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab
      event.preventDefault();
      dialog.close();
      go(session.session);
    });
    return link;
  }

  /** Delete a session, and leave the cursor at the one below it. */
  async function remove({ session, prompt }, item) {
    try {
      await api.remove(session);
    } catch (error) {
      if (error.status !== 404) throw error; // it is gone, whoever did that
    }
    const beside = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (beside === null) showNone();
    (beside?.querySelector("button") ?? dialog.querySelector(".close")).focus();
    said.textContent = `Deleted “${prompt}”.`;
    gone(session);
  }

  /** Do something that asks the server; what goes wrong is told in the dialog, in front of the page. */
  const told = (action) =>
    guarded(async () => {
      said.textContent = "";
      try {
        await action();
      } catch (error) {
        if (!(error instanceof api.Problem) || error.status === 401) throw error;
        said.textContent = error.message;
      }
    });

  const showNone = () => list.append(h("li", { class: "fine" }, "None yet. The first one is a sentence away."));

  /** Add a page to the list; its first entry. */
  async function append() {
    const page = await api.sessions(next);
    const entries = page.sessions.map(entry);
    list.append(...entries);
    next = page.next;
    $("sessions-more-row").hidden = next === null;
    return entries[0];
  }

  more.addEventListener("click", () => told(async () => (await append())?.querySelector("a").focus()));

  return async () => {
    next = null;
    said.textContent = "";
    list.replaceChildren();
    if (!(await append())) showNone();
    dialog.showModal();
  };
}

/** The question before a session is deleted: call what this gives with a session and with what a yes does. */
function mountConfirmation() {
  const dialog = $("delete-dialog");
  let whenConfirmed = null;
  $("delete-yes").addEventListener("click", () => {
    dialog.close();
    whenConfirmed();
  });
  return (session, then) => {
    whenConfirmed = then;
    const what = `“${session.prompt}”: its words and ${pictures(session.turns)} are deleted from this server.`;
    $("delete-what").textContent = `${what} This can’t be undone.`;
    dialog.showModal();
  };
}

/** The first visit: a prompt, three examples, and options for who wants them. */
export function mountStart(actions) {
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
    const chosen = [...document.querySelectorAll("#policies :checked:enabled")].map(({ value }) => value);
    const seed = $("seed").value.trim();
    prompt.value = "";
    actions.start({
      prompt: words,
      ...(chosen.length && { policies: chosen }),
      ...(seed && { seed: Number(seed) }),
      ...($("model").value && { model: $("model").value }),
    });
  }
}

/** Fill in what the server offers a new session. */
export async function offer() {
  const [{ policies, always }, { models }] = await Promise.all([api.policies(), api.models()]);
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
  $("model").replaceChildren(...models.map(({ name }) => h("option", {}, name)));
  $("model-field").hidden = models.length < 2;
}
