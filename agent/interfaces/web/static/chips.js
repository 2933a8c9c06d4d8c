/** The exclusions as chips, with their origin and controls for weight and removal. */

import { $, h, icon, reconcile, setAttribute } from "./dom.js";
import { shownTurn } from "./state.js";

const LEAST = 0.1;
const MOST = 2;
const STEP = 0.1;
const MARKS = { gone: "✓", there: "!", unknown: "?" };
const VERDICTS = { gone: "gone", there: "still there", unknown: "not known whether it is gone" };
const STEPS = { ArrowUp: STEP, ArrowDown: -STEP, PageUp: 5 * STEP, PageDown: -5 * STEP };

/** `story` opens the history of a term or the exclusions of a policy. */
export function mountChips(store, actions, story) {
  const list = $("chips");

  store.subscribe((state) => {
    const turn = shownTurn(state);
    const items = turn ? chipsOf(turn.exclusions, state.drafts) : [];
    reconcile(
      list,
      items,
      (item) => item.key,
      (item) => (item.policy ? lockedChip(story) : ownChip(actions, list, story)),
      (element, item) => (item.policy ? updateLocked(element, item) : updateOwn(element, item, state)),
    );
  });

  for (const kind of ["pointerover", "focusin"])
    list.addEventListener(kind, ({ target }) => placeCard(target.closest(".chip")));
  for (const kind of ["pointerout", "focusout"]) {
    list.addEventListener(kind, ({ target, relatedTarget }) => {
      const chip = target.closest(".chip");
      if (chip && !chip.contains(relatedTarget)) chip.classList.remove("dismissed");
    });
  }
}

/** One chip per exclusion of the user, with its draft weight; one chip per policy. */
function chipsOf(exclusions, drafts) {
  const own = exclusions.filter(({ source }) => source === "user");
  const policies = Map.groupBy(
    exclusions.filter(({ source }) => source !== "user"),
    ({ source }) => source.replace(/^policy:/, ""),
  );
  return [
    ...own.map((each) => ({
      ...each,
      key: `own ${each.term}`,
      weight: drafts[each.term] ?? each.weight,
      draft: each.term in drafts,
    })),
    ...[...policies].map(([policy, terms]) => ({ key: `policy ${policy}`, policy, terms })),
  ];
}

function ownChip(actions, list, story) {
  const body = h(
    "span",
    { class: "body", role: "spinbutton", tabindex: 0, "aria-valuemin": LEAST, "aria-valuemax": MOST },
    h("span", { class: "term" }),
    h("span", { class: "weight" }),
    h("span", { class: "verdict", "aria-hidden": "true" }),
  );
  const remove = h("button", { type: "button", class: "remove", tabindex: -1 }, icon("remove"));
  const less = h("button", { type: "button", tabindex: -1, "aria-label": "Lower the weight" }, "−");
  const more = h("button", { type: "button", tabindex: -1, "aria-label": "Raise the weight" }, "+");
  const stepper = h(
    "div",
    { class: "stepper" },
    less,
    h("output"),
    more,
    h("span", { class: "fine" }, "Keys: ↑ ↓ Del"),
  );
  const why = h("button", { type: "button", class: "link why", tabindex: -1 }, "History");
  const chip = h("li", { class: "chip" }, body, remove, h("div", { class: "card" }, h("p"), why, stepper));

  const showHistory = () => story.ofTerm(chip.dataset.term);
  const weigh = (by) => {
    const weight = Math.min(MOST, Math.max(LEAST, Number(chip.dataset.weight) + by));
    actions.weigh(chip.dataset.term, Number(weight.toFixed(2)));
  };
  const allow = () => {
    const next = (chip.nextElementSibling ?? chip.previousElementSibling)?.querySelector(".body");
    (next ?? $("words")).focus();
    actions.allow(chip.dataset.term);
  };
  less.addEventListener("click", () => weigh(-STEP));
  more.addEventListener("click", () => weigh(STEP));
  remove.addEventListener("click", allow);
  why.addEventListener("click", showHistory);
  body.addEventListener("click", ({ pointerType }) => pointerType !== "touch" && showHistory()); // touch opens the card
  body.addEventListener("blur", () => chip.dataset.draft && actions.settle());
  body.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) weigh(STEPS[event.key]);
    else if (event.key === "Home") weigh(LEAST - MOST);
    else if (event.key === "End") weigh(MOST);
    else if (event.key === "Enter") chip.dataset.draft ? actions.settle() : showHistory();
    else if (event.key === "Delete" || event.key === "Backspace") allow();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") beside(chip, event.key, list)?.focus();
    else if (event.key === "Escape" && chip.dataset.draft) actions.unweigh();
    else if (event.key === "Escape" && !chip.classList.contains("dismissed")) chip.classList.add("dismissed");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return chip;
}

function updateOwn(chip, { term, weight, since, words, draft, ...found }, { running }) {
  const [body, remove, card] = chip.children;
  const shown = weight.toFixed((weight * 10) % 1 < 1e-6 ? 1 : 2);
  Object.assign(chip.dataset, { term, weight, draft: draft ? "true" : "" });
  chip.classList.toggle("weighed", weight !== 1);
  setAttribute(chip, "aria-busy", draft ? "true" : null);
  const verdict = found.verdict ? `, ${VERDICTS[found.verdict]}` : "";
  body.setAttribute("aria-label", `${term}, excluded${verdict}; weight`);
  mark(body.querySelector(".verdict"), found.verdict);
  body.setAttribute("aria-valuenow", weight);
  setAttribute(body, "aria-disabled", running ? "true" : null);
  describe(body, card.firstElementChild, `why-${term}`);
  body.firstElementChild.textContent = term;
  body.querySelector(".weight").textContent = shown;
  remove.setAttribute("aria-label", `Allow ${term} again`);
  for (const button of chip.querySelectorAll(".remove, .stepper button")) button.disabled = running !== null;
  card.querySelector("output").textContent = shown;
  const origin = words ? `Excluded by you in turn ${since}.` : `Excluded since turn ${since}.`;
  card.firstElementChild.replaceChildren(
    ...(words ? [h("q", {}, words)] : []),
    h("span", { class: "fine" }, origin),
    ...(found.verdict ? [h("span", { class: "fine" }, verdictText(found))] : []),
  );
}

function lockedChip(story) {
  const body = h(
    "button",
    { type: "button", class: "body", "aria-haspopup": "dialog" },
    h("span", { class: "name" }),
    h("span", { class: "weight" }),
    h("span", { class: "verdict", "aria-hidden": "true" }),
  );
  body.addEventListener("click", () => story.ofPolicy(body.closest(".chip").dataset.policy));
  const lock = icon("lock");
  lock.classList.add("lock");
  body.prepend(lock);
  return h("li", { class: "chip locked" }, body, h("div", { class: "card" }, h("p")));
}

function updateLocked(chip, { policy, terms }) {
  const [body, card] = chip.children;
  chip.dataset.policy = policy;
  const there = terms.filter(({ verdict }) => verdict === "there");
  const left = there.length ? `, still there: ${there.map(({ term }) => term).join(", ")}` : "";
  body.setAttribute("aria-label", `Policy ${policy}, locked${left}`);
  mark(body.querySelector(".verdict"), there.length ? "there" : null);
  describe(body, card.firstElementChild, `policy-${policy}`);
  body.querySelector(".name").textContent = policy;
  body.querySelector(".weight").textContent = terms.length;
  const named = terms.map(({ term, weight, verdict }) => {
    const name = weight === 1 ? term : `${term} ${weight}`;
    return h("span", {}, verdict === "there" ? `${name} (still there)` : name);
  });
  card.firstElementChild.replaceChildren(
    h("span", { class: "fine" }, `The policy “${policy}” always excludes:`),
    h("span", { class: "terms" }, ...named),
  );
}

/** Show a verdict as a mark; null shows none. */
function mark(element, verdict) {
  element.textContent = MARKS[verdict] ?? "";
  setAttribute(element, "data-verdict", verdict);
}

function verdictText({ verdict, judge, probability }) {
  if (!judge) return "No judge can tell whether it is gone.";
  const words = { gone: "Gone", there: "Still there", unknown: "Perhaps there" }[verdict];
  return `${words}, says ${judge}: ${Math.round(100 * probability)} % likely there.`;
}

function describe(body, text, id) {
  text.id = id.replace(/\s+/g, "-");
  body.setAttribute("aria-describedby", text.id);
}

function beside(chip, key, list) {
  const bodies = [...list.querySelectorAll(".body")];
  return bodies[bodies.indexOf(chip.querySelector(".body")) + (key === "ArrowRight" ? 1 : -1)];
}

/** Keep a chip's card within the window's width. */
function placeCard(chip) {
  const card = chip?.querySelector(".card");
  if (!card) return;
  card.style.setProperty("--shift", "0px");
  const { left, right } = card.getBoundingClientRect();
  const over = Math.max(0, right - (document.documentElement.clientWidth - 12));
  card.style.setProperty("--shift", `${Math.max(0, 12 - left) - over}px`);
}
