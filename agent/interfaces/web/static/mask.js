/** The brush that marks where a picture may change. */

import { $ } from "./dom.js";

/** The longest side of the canvas in pixels; the mask is scaled to the size of its picture. */
const LONGEST = 1024;
/** How far an arrow key moves the brush, in brush widths. */
const KEY_STEP = 0.5;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Paint on the canvas over `image`, with the pointer or by keyboard.
 *
 * Returns `reset()` for a new picture, and `read()`: a data URL of a PNG of the picture's size, white where it may
 * change and black elsewhere, or null if nothing is marked. `onChange` is called with whether
 * something is marked.
 */
export function mountMask(image, onChange) {
  const [canvas, cursor, toggle, tools, clear, brush] = [
    $("mask"),
    $("brush-cursor"),
    $("mask-toggle"),
    $("mask-tools"),
    $("mask-clear"),
    $("brush"),
  ];
  const context = canvas.getContext("2d");
  let last = null; // where the pointer was, during a stroke
  let at = [0, 0]; // where the brush of the keyboard is
  let marked = false;

  const width = () => (Number(brush.value) / 100) * Math.max(canvas.width, canvas.height);

  function paint(from, to) {
    marked = true;
    onChange(marked);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = width();
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  }

  function erase() {
    marked = false;
    context.clearRect(0, 0, canvas.width, canvas.height);
    onChange(marked);
  }

  function setActive(active) {
    toggle.setAttribute("aria-pressed", String(active));
    canvas.classList.toggle("active", active);
    canvas.tabIndex = active ? 0 : -1;
    tools.hidden = !active;
  }

  function placeCursor() {
    cursor.style.left = `${(100 * at[0]) / canvas.width}%`;
    cursor.style.top = `${(100 * at[1]) / canvas.height}%`;
    cursor.style.width = `${(100 * width()) / canvas.width}%`;
  }

  const pointOf = ({ offsetX, offsetY }) => [
    (offsetX / canvas.clientWidth) * canvas.width,
    (offsetY / canvas.clientHeight) * canvas.height,
  ];
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = pointOf(event);
    paint(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    const to = pointOf(event);
    paint(last, to);
    last = to;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in KEYS) {
      const [x, y] = KEYS[event.key].map((by) => by * KEY_STEP * width());
      const to = [Math.min(canvas.width, Math.max(0, at[0] + x)), Math.min(canvas.height, Math.max(0, at[1] + y))];
      if (event.shiftKey) paint(at, to);
      at = to;
      placeCursor();
    } else if (event.key === " " || event.key === "Enter") paint(at, at);
    else if (event.key === "Delete" || event.key === "Backspace") erase();
    else if (event.key === "Escape") toggle.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  toggle.addEventListener("click", () => {
    const active = toggle.getAttribute("aria-pressed") !== "true";
    setActive(active);
    if (active) canvas.focus();
  });
  clear.addEventListener("click", erase);
  brush.addEventListener("input", placeCursor);

  return {
    reset() {
      const scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
      canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
      canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
      at = [canvas.width / 2, canvas.height / 2];
      erase();
      setActive(false);
      placeCursor();
    },
    read() {
      if (!marked) return null;
      const mask = document.createElement("canvas");
      [mask.width, mask.height] = [image.naturalWidth, image.naturalHeight];
      const drawing = mask.getContext("2d");
      drawing.drawImage(canvas, 0, 0, mask.width, mask.height);
      fill(drawing, "source-in", "white");
      fill(drawing, "destination-over", "black");
      return mask.toDataURL("image/png");
    },
  };
}

function fill(drawing, operation, colour) {
  drawing.globalCompositeOperation = operation;
  drawing.fillStyle = colour;
  drawing.fillRect(0, 0, drawing.canvas.width, drawing.canvas.height);
}
