/** The open question about the current picture, with a button for each answer. */

import { $, h, reconcile } from "./dom.js";

export function mountQuestion(store, actions) {
  const buttons = $("answers");

  store.subscribe((state) => {
    const question = openQuestion(state);
    $("question").hidden = question === null;
    if (question === null) return;
    $("question-text").textContent = question.text;
    reconcile(buttons, answersOf(question), keyOf, createButton, () => {});
  });

  buttons.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button) answer(answersOf(openQuestion(store.get()))[[...buttons.children].indexOf(button)]);
  });

  /** Answer by a key: y and n, or the number of a candidate. Returns whether the key is an answer. */
  function press(key) {
    const question = openQuestion(store.get());
    const found = question === null ? null : answersOf(question).find((each) => each.key === key);
    if (found) answer(found);
    return Boolean(found);
  }

  function answer({ yes, choice }) {
    $("words").focus();
    actions.edit([{ op: "confirm", yes, ...(choice !== undefined && { choice }) }]);
  }

  return press;
}

/** The question about the picture that is shown, or null. None is open while a turn runs. */
export const openQuestion = ({ session, shown, running }) =>
  running || shown !== null || session === null ? null : (session.question ?? null);

/** The answers to a question, each with its key and its edit; pure. */
function answersOf({ edits, choose }) {
  if (!choose) return [YES, NO];
  const candidates = edits.map((edit, choice) => ({
    label: edit.term ?? edit.text ?? edit.op,
    key: String(choice + 1),
    yes: true,
    choice,
  }));
  return [...candidates, { ...NO, label: "None" }];
}

const YES = Object.freeze({ label: "Yes", key: "y", yes: true });
const NO = Object.freeze({ label: "No", key: "n", yes: false });

const keyOf = ({ key, label }) => `${key} ${label}`;

const createButton = ({ label, key }) => h("button", { type: "button", "aria-keyshortcuts": key }, label);
