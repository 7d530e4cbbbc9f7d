"use strict";
(() => {
  const spoken = document.getElementById("spoken");

  const keyOf = (row, column, numeric) => {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };

  const collator = new Intl.Collator("en", { numeric: true });

  // undefined figures stay last whichever way the rest is sorted
  const compare = (a, b, numeric, direction) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (numeric ? a - b : collator.compare(a, b));
  };

  const sortBy = (table, head, label) => {
    const column = head.cellIndex;
    const numeric = head.dataset.sort === "number";
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    const direction = ascending ? 1 : -1;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [keyOf(row, column, numeric), row]);
    rows.sort(([a], [b]) => compare(a, b, numeric, direction));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...rows.map(([, row]) => row));
    spoken.textContent = `Sorted by ${label}, ${ascending ? "ascending" : "descending"}`;
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const label = head.textContent.trim();
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      head.replaceChildren(button);
      button.addEventListener("click", () => sortBy(table, head, label));
    }
  }

  for (const button of document.querySelectorAll("button.copy")) {
    const source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        // no clipboard here (an old browser, or permission refused): select it for Ctrl+C
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
      spoken.textContent = button.textContent;
    });
  }
})();
