/** Assembles the page. */

import { Problem, key } from "./api.js";
import { mountChat } from "./chat.js";
import { mountChips } from "./chips.js";
import { createConversation } from "./conversation.js";
import { $, growWithText, h, setAttribute, setText } from "./dom.js";
import { mountHistory } from "./history.js";
import { mountKeys } from "./keys.js";
import { mountLive } from "./live.js";
import { mountPins } from "./pins.js";
import { mountQuestion } from "./question.js";
import { mountReplay } from "./replay.js";
import { addressOf, addressed, mountSessions, mountStart, offer } from "./sessions.js";
import { mountSlider } from "./slider.js";
import { mountSource } from "./source.js";
import { mountStage, mountTools } from "./stage.js";
import { mountStory } from "./story.js";
import { SOURCE, createStore, turnOf, unfinished } from "./state.js";

const store = createStore();
const words = $("words");
const prompt = $("prompt");
const fits = [growWithText(words), growWithText(prompt)];

const actions = createConversation(store, {
  onAnnounce: (text) => ($("said").textContent = text),
  onOpened(id) {
    history.pushState(null, "", id === null ? "./" : addressOf(id));
    store.set({ view: id === null ? "start" : "session" });
    if (id !== null) source.clear();
    (id === null ? prompt : words).focus();
  },
  /** Put feedback without a picture back into the field. */
  onReturned(text) {
    const field = store.get().session ? words : prompt;
    if (!field.value) field.value = text;
    fits.forEach((fit) => fit());
  },
  onRefused: (line) => source.refuse(line),
});
const source = mountSource(store, {
  onAttached: () => (store.get().view === "session" ? begin() : prompt.focus()),
});

const openSessions = mountSessions(store, { go, gone, guarded });
mountStart(store, actions, source);
mountChat(store, actions);
mountStage(store);
mountSlider(store, actions);
mountTools(store, actions);
mountChips(store, actions, mountStory(store, actions, guarded));
mountPins(store, actions);
mountReplay(store, guarded);
mountHistory(store, actions);
mountLive(store, actions);
mountKeys(store, actions, {
  openSessions: () => guarded(openSessions),
  begin,
  help: () => $("help-dialog").showModal(),
  answer: mountQuestion(store, actions),
});

/** Run a request outside a conversation and show its problem. */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    store.set({ problem: error });
  }
}

/** Show a session and change the URL of the page. */
function go(id) {
  history.pushState(null, "", addressOf(id));
  return arrive();
}

/** Leave a session that was deleted. */
function gone(id) {
  if (addressed() !== id) return;
  take(words);
  history.replaceState(null, "", "./");
  arrive();
}

/** Show the start page. */
function begin() {
  if (addressed() !== null) history.pushState(null, "", "./");
  return arrive();
}

/** Show what the URL of the page names. */
async function arrive() {
  const id = addressed();
  if (id === null) {
    actions.close();
    prompt.focus();
    return guarded(offer);
  }
  await actions.open(id);
  if (addressed() !== id) return; // the user navigated meanwhile
  if (store.get().view === "session") words.focus();
  else {
    store.set({ view: "start" });
    await guarded(offer);
  }
}

function say() {
  if (words.value.trim() && !store.get().running) actions.say(take(words));
}

/** Empty a field and return its text. */
function take(field) {
  const text = field.value;
  field.value = "";
  fits.forEach((fit) => fit());
  return text;
}

/** Retry the failed turn. If the field still has its feedback, empty the field. */
function retry() {
  if (words.value === store.get().session.retry.feedback) take(words);
  actions.retry();
  words.focus();
}

for (const [field, submit] of [
  [words, say],
  [prompt, () => $("start-form").requestSubmit()],
]) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
}
$("say-form").addEventListener("submit", (event) => (event.preventDefault(), say()));
$("cancel").addEventListener("click", actions.cancel);
$("retry").addEventListener("click", retry);
$("latest").addEventListener("click", () => (actions.show(store.get().session.head), words.focus()));
$("new").addEventListener("click", begin);
$("home").addEventListener("click", (event) => (event.preventDefault(), begin()));
$("sessions").addEventListener("click", () => guarded(openSessions));
$("help").addEventListener("click", () => $("help-dialog").showModal());
for (const close of document.querySelectorAll("dialog .close")) {
  close.addEventListener("click", () => close.closest("dialog").close());
}

$("key").addEventListener("click", askForKey);
$("forget").addEventListener("click", () => (key.forget(), arrive()));
$("key-form").addEventListener("submit", () => {
  key.set($("key-field").value.trim());
  $("key-field").value = "";
  actions.dismiss();
  arrive();
});

function askForKey() {
  if (!$("key-dialog").open) $("key-dialog").showModal();
}

store.subscribe((state) => {
  const { view, problem, running, session, shown } = state;
  document.body.dataset.view = view;
  $("problem").hidden = problem === null || problem.status === 401;
  $("key").hidden = key.get() === null && problem?.status !== 401;
  $("send").hidden = running !== null;
  setAttribute($("start-form"), "aria-busy", running ? "true" : null); // a picture may take its time to be sent
  $("cancel").hidden = running === null;
  const again = unfinished(state);
  const line = $("unfinished").firstElementChild;
  $("unfinished").hidden = again === null;
  setAttribute(line, "role", state.reason === null ? null : "alert"); // a screen reader announces only new failures
  setText(line, again ? describeOutcome(again, state.reason) : "");
  $("elsewhere").hidden = shown !== SOURCE && (shown === null || turnOf(session, shown) === null);
  $("elsewhere").firstElementChild.textContent =
    shown === SOURCE
      ? "This is the picture you started from. New feedback is about the current turn."
      : `This is turn ${shown}. New feedback starts a branch from it.`;
});

/** The outcome of a turn without a picture, as one line. */
function describeOutcome({ feedback, status }, reason) {
  if (status === "cancelled") return `“${feedback}” was cancelled.`;
  return `“${feedback}” failed${reason ? `: ${reason}` : ""}.`;
}

let reportedProblem = null;
store.subscribe(({ problem }) => {
  if (problem === reportedProblem) return;
  reportedProblem = problem;
  if (problem?.status === 401) {
    $("key-problem").textContent = key.get() === null ? "" : problem.message;
    return askForKey();
  }
  if (!problem) return $("problem").replaceChildren();
  const close = h("button", { type: "button", class: "link" }, "Close");
  close.addEventListener("click", actions.dismiss);
  const again = h("button", { type: "button", class: "link" }, "Try again");
  again.addEventListener("click", () => (take(prompt), problem.again()));
  $("problem").replaceChildren(h("span", {}, problem.message), ...(problem.again ? [again] : []), close);
});

addEventListener("popstate", arrive);
addEventListener("focus", actions.refresh);
arrive();
