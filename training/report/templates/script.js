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
// A table that is wider than the window says so, and has a shadow where more of it is hidden.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const isWider = target.scrollWidth > target.clientWidth + 1;
    target.classList.toggle("is-wider", isWider);
    target.previousElementSibling.hidden = !isWider;
  }
});
for (const table of document.querySelectorAll(".wide")) widths.observe(table);
// The contents show which part is being read.
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const reading = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting || !links.has(target.id)) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -75% 0px" });
for (const section of document.querySelectorAll("main section")) reading.observe(section);
