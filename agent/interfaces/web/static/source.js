/** The picture that a new session starts from: chosen, dropped or pasted, with how much of it may change and where. */

import * as api from "./api.js";
import { $ } from "./dom.js";
import { mountMask } from "./mask.js";

const MEGABYTE = 1e6;

/**
 * `onAttached` is called when a picture was attached. Returns `options()` for the request that starts the session,
 * `clear()`, and `refuse(line)`, which says what is wrong with the picture.
 */
export function mountSource(store, { onAttached }) {
  const [panel, image, said, file, strength] = [
    $("source"),
    $("source-image"),
    $("source-said"),
    $("source-file"),
    $("strength"),
  ];
  let isStrengthSet = false; // without one, a picture that was drawn here continues its session
  let latest = 0; // counts attached files, so that the last one wins
  let limits = null;
  const mask = mountMask(image, (isMarked) => isStrengthSet || setStrength(isMarked ? 1 : strength.defaultValue));

  const setStrength = (value) => {
    strength.value = value;
    $("strength-value").textContent = `${Math.round(100 * value)} %`;
    strength.setAttribute("aria-valuetext", `${Math.round(100 * value)} percent`);
  };

  const say = (line) => {
    said.textContent = line;
    said.hidden = line === "";
  };

  /** Say what is wrong where it can be seen. */
  function refuse(line) {
    if (store.get().view === "session") store.set({ problem: new api.Problem(line, 400) });
    else say(line);
  }

  async function attach(files) {
    const mine = ++latest;
    say("");
    try {
      if (files.length > 1) throw new Refusal("Add one picture at a time.");
      limits ??= await api.pictureLimits();
      const url = await readPicture(files[0], limits);
      if (mine !== latest) return;
      image.src = url;
      await image.decode();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof api.Problem)) throw error;
      if (mine === latest) refuse(error.message);
      return;
    }
    image.alt = `The picture to start from, ${image.naturalWidth} by ${image.naturalHeight} pixels`;
    isStrengthSet = false;
    panel.hidden = false;
    mask.reset();
    onAttached();
  }

  function clear() {
    latest++;
    say("");
    panel.hidden = true;
    image.removeAttribute("src");
  }

  strength.addEventListener("input", () => {
    isStrengthSet = true;
    setStrength(strength.value);
  });
  $("source-choose").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files.length) attach([...file.files]);
    file.value = ""; // so that the same file can be chosen again
  });
  $("source-remove").addEventListener("click", () => {
    clear();
    $("source-choose").focus();
  });
  listenForDrops(attach);
  listenForPastes(attach);

  return {
    options() {
      if (panel.hidden) return {};
      const marks = mask.read();
      return {
        picture: image.src,
        ...(isStrengthSet && { strength: Number(strength.value) }),
        ...(marks && { mask: marks }),
      };
    },
    clear,
    refuse,
  };
}

/** A file that can't be used; the message is one line for the user. */
class Refusal extends Error {}

/** The data URL of a picture's file. Throws a `Refusal` before its pixels are decoded if it is too large. */
async function readPicture(file, limits) {
  const { max_bytes: bytes = Infinity, max_side: side = Infinity, max_pixels: pixels = Infinity } = limits;
  const name = `“${file.name}”`;
  if (file.size === 0) throw new Refusal(`${name} is empty.`);
  if (file.size > bytes) {
    const [has, takes] = [file.size, bytes].map((count) => `${(count / MEGABYTE).toFixed(1)} MB`);
    throw new Refusal(`${name} has ${has}. This server takes pictures of at most ${takes}.`);
  }
  const unusable = new Refusal(
    `${name} can’t be read as a picture. Use a PNG, JPEG, WebP or GIF file that is not damaged.`,
  );
  if (!file.type.startsWith("image/") || file.type.includes("svg")) throw unusable;
  const url = await dataUrl(file).catch(() => {
    throw unusable; // for example a folder, or a file that was deleted meanwhile
  });
  const picture = new Image();
  picture.src = url;
  await new Promise((resolve, reject) => {
    picture.onload = resolve;
    picture.onerror = () => reject(unusable);
  });
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  if (Math.max(width, height) > side || width * height > pixels)
    throw new Refusal(
      `${name} has ${width} × ${height} pixels. ` +
        `This server takes at most ${side} a side and ${pixels / MEGABYTE} million in all.`,
    );
  await picture.decode().catch(() => {
    throw unusable;
  });
  return url;
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Call `attach` with files that are dropped anywhere on the page. */
function listenForDrops(attach) {
  let isOwn = false; // a picture of this page is dragged
  const hasFiles = ({ dataTransfer }) => !isOwn && dataTransfer.types.includes("Files");
  const setDropping = (dropping) => document.body.classList.toggle("dropping", dropping);

  document.addEventListener("dragstart", () => (isOwn = true));
  document.addEventListener("dragend", () => (isOwn = false));
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    setDropping(document.querySelector("dialog[open]") === null);
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget === null && setDropping(false));
  document.addEventListener("drop", (event) => {
    setDropping(false);
    if (!hasFiles(event)) return;
    event.preventDefault(); // the browser would open the file
    if (document.querySelector("dialog[open]") === null) attach([...event.dataTransfer.files]);
  });
}

/** Call `attach` with a pasted picture. Text that is pasted with a picture is pasted as text. */
function listenForPastes(attach) {
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length || event.clipboardData.types.includes("text/plain")) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    attach(files);
  });
}
