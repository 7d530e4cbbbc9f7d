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
      if (!head.dataset.sort) continue;
      const label = head.textContent.trim();
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      head.replaceChildren(button);
      button.addEventListener("click", () => sortBy(table, head, label));
    }
  }

  // a table of a few rows is read faster than filtered
  const LEAST_ROWS = 6;

  const filterable = (table) => {
    const rows = Array.from(table.tBodies[0].rows);
    if (rows.length < LEAST_ROWS) return;
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const box = document.createElement("div");
    box.className = "filter";
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    const told = document.createElement("span");
    told.className = "quiet";
    told.textContent = `${rows.length} rows`;
    label.append("Filter ", input);
    box.append(label, told);
    const scroll = table.closest(".scroll") || table;
    scroll.before(box);
    let later = 0;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const fits = words.every((word) => texts.get(row).includes(word));
        row.hidden = !fits;
        shown += fits;
      }
      told.textContent = words.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
      // not at every key: only once the typing rests
      clearTimeout(later);
      later = setTimeout(() => {
        spoken.textContent = `${shown} of ${rows.length} rows shown`;
      }, 400);
    });
  };

  for (const table of document.querySelectorAll("table.sortable")) filterable(table);

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
