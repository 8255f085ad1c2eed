"use strict";
const root = document.documentElement;
const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const isDark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
});
for (const map of document.querySelectorAll(".map")) {
  const told = map.querySelector(".told");
  const tell = (event) => {
    const title = event.target.querySelector?.(":scope > title");
    if (event.target.tagName === "circle" && title) told.textContent = title.textContent;
  };
  map.querySelector("svg").addEventListener("pointerover", tell);
  map.querySelector("svg").addEventListener("click", tell);
  for (const button of map.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const isAlone = button.getAttribute("aria-pressed") === "true";
      for (const other of map.querySelectorAll(".legend button")) {
        other.setAttribute("aria-pressed", String(!isAlone && other === button));
      }
      for (const group of map.querySelectorAll("svg g")) {
        group.classList.toggle("is-dim", !isAlone && group.dataset.group !== button.dataset.group);
      }
    });
  }
}
