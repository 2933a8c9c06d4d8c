for (const image of document.querySelectorAll("img[data-of]")) {
  image.src = document.getElementById(image.dataset.of).src;
}
for (const slider of document.querySelectorAll("input[type=range]")) {
  const show = () => slider.parentElement.style.setProperty("--at", slider.value + "%");
  slider.addEventListener("input", show);
  show();
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
