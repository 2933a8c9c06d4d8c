/** All pictures of the session, from left to right, with one lane per branch. */

import { $, h, reconcile, setAttribute } from "./dom.js";
import { picture } from "./api.js";
import { SOURCE, describe, pathTo, places, shownPicture, sourceOf } from "./state.js";

const SVG = "http://www.w3.org/2000/svg";

export function mountHistory(store, actions) {
  const list = $("history");
  const lines = document.createElementNS(SVG, "svg");
  lines.setAttribute("class", "lines");
  lines.setAttribute("aria-hidden", "true");
  lines.dataset.key = "lines";
  let drawn = null;
  let looked = null;

  const create = (shown) => {
    const { turn } = shown;
    const image = h("img", { alt: "", loading: "lazy" });
    image.src = picture(shown);
    const option = h(
      "div",
      { role: "option", id: `history-${turn}` },
      image,
      h("span", { class: turn === SOURCE ? "number name" : "number", "aria-hidden": "true" }, String(turn)),
    );
    option.addEventListener("click", () => (actions.show(turn), option.focus()));
    option.addEventListener(
      "dblclick",
      () => ![null, SOURCE].includes(store.get().shown) && !store.get().running && actions.branch(turn),
    );
    return option;
  };

  list.addEventListener("keydown", (event) => {
    const to = target(store.get(), event.key);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === null) return;
    actions.show(to);
    $(`history-${to}`).focus();
  });

  store.subscribe((state) => {
    const { session } = state;
    if (!session?.turns.length) {
      list.replaceChildren();
      drawn = looked = null;
      return;
    }
    const shown = shownPicture(state).turn;
    const source = sourceOf(session);
    const path = new Set(pathTo(session, session.head).map(({ turn }) => turn));
    const at = places(session.turns);
    const update = (option, { turn, parent, feedback }) => {
      const { depth, lane } = at.get(turn) ?? { depth: -1, lane: 0 }; // the source is left of the turns
      option.style.gridArea = `${lane + 1} / ${depth + (source ? 2 : 1)}`;
      option.classList.toggle("path", path.has(turn) || turn === SOURCE);
      option.classList.toggle("head", turn === session.head);
      option.tabIndex = turn === shown ? 0 : -1;
      option.setAttribute("aria-selected", String(turn === shown));
      setAttribute(option, "aria-current", turn === session.head ? "true" : null);
      const from = parent === null ? "" : `, from turn ${parent}`;
      option.setAttribute("aria-label", turn === SOURCE ? describe(source) : `Turn ${turn}${from}: ${feedback}`);
      option.title = feedback ?? describe(source);
    };
    lines.remove();
    reconcile(list, source ? [source, ...session.turns] : session.turns, ({ turn }) => turn, create, update);
    list.prepend(lines);
    if (drawn !== session) drawLines(list, lines, session.turns, path);
    drawn = session;
    if (looked !== shown) reveal($(`history-${shown}`));
    looked = shown;
  });
  new ResizeObserver(() => {
    const { session } = store.get();
    if (session?.turns.length)
      drawLines(list, lines, session.turns, new Set(pathTo(session, session.head).map(({ turn }) => turn)));
  }).observe(list);
}

/** The picture that a key selects: the turn's number or `SOURCE`, null if there is none, undefined for other keys. */
export function target(state, key) {
  const { session } = state;
  const shown = shownPicture(state);
  if (!shown) return undefined;
  const first = sourceOf(session) ? SOURCE : null;
  if (key === "Home") return first ?? 0;
  if (key === "End") return session.head;
  if (shown.turn === SOURCE) return { ArrowRight: 0, ArrowLeft: null, ArrowUp: null, ArrowDown: null }[key];
  if (key === "ArrowLeft") return shown.parent ?? first;
  if (key === "ArrowRight") return childOf(session, shown);
  if (key === "ArrowUp" || key === "ArrowDown") return neighbourInLane(session, shown, key === "ArrowDown" ? 1 : -1);
  return undefined;
}

/** The child of a turn on the path to the head, otherwise its latest child. */
function childOf(session, { turn }) {
  const towards = pathTo(session, session.head).find(({ parent }) => parent === turn);
  return towards?.turn ?? session.turns.findLast(({ parent }) => parent === turn)?.turn ?? null;
}

/** The nearest turn in the next lane up or down, at the same depth if possible. */
function neighbourInLane(session, { turn }, by) {
  const at = places(session.turns);
  const here = at.get(turn);
  const there = session.turns.filter((each) => Math.sign(at.get(each.turn).lane - here.lane) === by);
  const far = ({ turn: number }) =>
    Math.abs(at.get(number).lane - here.lane) * 1000 + Math.abs(at.get(number).depth - here.depth);
  return there.toSorted((one, other) => far(one) - far(other))[0]?.turn ?? null;
}

function drawLines(list, lines, turns, path) {
  const box = (turn) => list.querySelector(`#history-${turn}`);
  const curves = turns
    .map(({ turn, parent }) => ({ turn, from: box(parent ?? SOURCE) }))
    .filter(({ from }) => from !== null)
    .map(({ turn, from }) => {
      const to = box(turn);
      const [x1, y1] = [from.offsetLeft + from.offsetWidth, from.offsetTop + from.offsetHeight / 2];
      const [x2, y2] = [to.offsetLeft, to.offsetTop + to.offsetHeight / 2];
      const bend = x2 - 9;
      const curve = document.createElementNS(SVG, "path");
      curve.setAttribute("d", `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`);
      if (path.has(turn)) curve.setAttribute("class", "path");
      return curve;
    });
  lines.replaceChildren(...curves);
}

/** Scroll only the strip to an option. */
function reveal(option) {
  const strip = option.closest(".strip");
  strip.scrollLeft = option.offsetLeft - (strip.clientWidth - option.offsetWidth) / 2;
  strip.scrollTop = option.offsetTop - (strip.clientHeight - option.offsetHeight) / 2;
}
