/** The selected picture, its prompt, and the preview of the running turn. */

import { $, setAttribute } from "./dom.js";
import { picture } from "./api.js";
import { progressText } from "./chat.js";
import { SOURCE, comparedPicture, describe, shownPicture, shownTurn, sourceOf, turnOf } from "./state.js";

export function mountStage(store) {
  const [figure, after, preview, progress] = [$("figure"), $("after"), $("preview"), $("progress")];
  const bar = progress.querySelector("progress");
  const fit = ({ target }) => figure.style.setProperty("--ratio", target.naturalWidth / target.naturalHeight || 1);
  after.addEventListener("load", fit);
  preview.addEventListener("load", (event) => after.hidden && fit(event));

  const show = (turn) => {
    after.hidden = turn === null;
    after.alt = turn ? describe(turn) : "";
    if (turn === null) after.removeAttribute("src");
    else if (after.getAttribute("src") !== picture(turn)) after.src = picture(turn);
  };

  store.subscribe((state) => {
    const { running, shown } = state;
    const turn = shownTurn(state);
    show(shownPicture(state));
    const prompt = turn?.prompt ?? running?.words ?? "";
    $("shows").textContent = shown === SOURCE ? "The picture that this session started from" : prompt;
    document.title = turn ? `${turn.prompt} – notthat` : "notthat";
    preview.hidden = !running?.preview || shown !== null;
    if (!running?.preview) preview.removeAttribute("src");
    else if (preview.src !== running.preview) preview.src = running.preview;
    progress.hidden = running === null;
    setAttribute(figure, "aria-busy", running ? "true" : null);
    if (running === null) return;
    progress.firstElementChild.textContent = progressText(running);
    bar.max = running.steps || 1;
    bar.value = running.step;
  });
}

/** The buttons under the picture; each is enabled only if it has an effect. */
export function mountTools(store, actions) {
  const download = $("download");
  $("undo").addEventListener("click", actions.undo);
  $("reroll").addEventListener("click", actions.reroll);
  $("branch").addEventListener("click", () => actions.branch(store.get().shown));
  $("compare").addEventListener("click", actions.compare);
  $("against").addEventListener("click", actions.compareWithSource);
  download.addEventListener("keydown", (event) => event.key === " " && (event.preventDefault(), download.click()));

  store.subscribe((state) => {
    const { session, shown, running, comparing } = state;
    const turn = shownTurn(state);
    const idle = turn !== null && running === null;
    const hasChoice = comparing && turn?.parent != null && sourceOf(session) !== null;
    $("undo").disabled = !idle || shown !== null || turnOf(session, session.head)?.parent == null;
    $("reroll").disabled = !idle;
    $("branch").disabled = !idle || shown === null;
    $("compare").disabled = !idle || comparedPicture(state) === null;
    $("compare").setAttribute("aria-pressed", String(comparing));
    $("against").hidden = !idle || !hasChoice;
    $("against").setAttribute("aria-pressed", String(state.againstSource));
    const selected = shownPicture(state);
    setAttribute(download, "aria-disabled", selected === null ? "true" : null);
    if (selected === null) {
      download.removeAttribute("href");
      return;
    }
    download.download = `notthat-${selected.session}-${selected.turn}.png`;
    download.href = picture(selected);
  });
}
