/** The sessions to come back to, and what a new one can be begun with. */

import * as api from "./api.js";
import { $, h } from "./dom.js";

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The address of a session's page. */
export const addressOf = (id) => `?session=${encodeURIComponent(id)}`;

/** The session that the page's address names, or null. */
export const addressed = () => new URLSearchParams(location.search).get("session");

/** The dialog with all sessions, newest first; `go` opens one. */
export function mountSessions(store, go) {
  const dialog = $("sessions-dialog");

  const entry = (session) => {
    const image = h("img", { alt: "", loading: "lazy" });
    image.src = api.picture({ ...session, turn: session.head });
    const turns = session.turns === 1 ? "1 picture" : `${session.turns} pictures`;
    const link = h(
      "a",
      { href: addressOf(session.session), "aria-current": store.get().session?.id === session.session ? "page" : null },
      image,
      h(
        "span",
        {},
        session.prompt,
        h("span", { class: "fine" }, `${turns} · ${WHEN.format(new Date(session.created_at))}`),
      ),
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab
      event.preventDefault();
      dialog.close();
      go(session.session);
    });
    return h("li", {}, link);
  };

  return async () => {
    const { sessions } = await api.sessions();
    const entries = sessions.map(entry);
    $("sessions-list").replaceChildren(
      ...(entries.length ? entries : [h("li", { class: "fine" }, "None yet. The first one is a sentence away.")]),
    );
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
