"use strict";

// Numbers compare as numbers, and rows without a value stay last whichever way the column is sorted.
function compareKeys(a, b, isText) {
  if (a === "" || b === "") return null;
  return isText ? a.localeCompare(b, "en", { numeric: true }) : Number(a) - Number(b);
}

function sortBy(heading) {
  const column = heading.cellIndex;
  const isText = heading.classList.contains("text");
  const before = heading.getAttribute("aria-sort");
  const first = isText ? "ascending" : "descending";
  const second = isText ? "descending" : "ascending";
  const order = before === first ? second : first;
  const sign = order === "ascending" ? 1 : -1;
  const body = heading.closest("table").tBodies[0];
  const key = (row) => row.cells[column].dataset.key;
  const rows = Array.from(body.rows).sort((a, b) => {
    const difference = compareKeys(key(a), key(b), isText);
    return difference === null ? (key(a) === "") - (key(b) === "") : sign * difference;
  });
  body.append(...rows);
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
}

for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}
document.documentElement.classList.add("sorts");
