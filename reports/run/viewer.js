// The frame viewer. Pictures of a frame lie over each other as images, so that nothing is read back
// from them: a page opened from disk may show files beside it, but not look into them.
(() => {
  const viewer = document.getElementById("viewer");
  if (!viewer) return;

  const LAYERS = ["image", "prediction", "soft", "errors", "truth"];
  const SUFFIX = { image: "webp" };
  const PLAY_MS = 1000 / 12;
  const PAGE = 10;
  const AHEAD = 6;
  const MOST_KEPT = 400;
  const MOST_VALUES = 6;
  const HUES = 7;
  const DASHES = ["", "5 2", "1.2 1.6", "6 1.6 1.2 1.6"];
  const GROUPS = ["failure", "hidden", "contact", "identity", "change"];
  const SHADED = new Set(["failure", "hidden", "contact", "identity"]);
  const SVG = "http://www.w3.org/2000/svg";

  const at = (name) => document.getElementById(`viewer-${name}`);
  const [stage, slider, play, picker] = ["stage", "frame", "play", "sequence"].map(at);
  const boxes = Array.from(viewer.querySelectorAll(".layers input"));

  let clip = null;
  let index = 0;
  let playing = false;
  let turn = 0;
  let chart = null;
  const pictures = new Map();

  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  const points = (value) => (value === null ? "–" : (100 * value).toFixed(1));
  const spokenPoints = (value) => (value === null ? "undefined" : points(value));
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const hue = (id) => `hue-${(id - 1) % HUES}`;
  const wanted = (layer) => layer === "image" || boxes.some((box) => box.value === layer && box.checked);

  const address = (layer, frame) =>
    `${clip.folder}/${String(frame).padStart(5, "0")}-${layer}.${SUFFIX[layer] || "png"}`;

  // one element per file, kept for a while: stepping back and forth loads nothing twice
  const picture = (layer, frame) => {
    const file = address(layer, frame);
    let found = pictures.get(file);
    if (!found) {
      const image = new Image();
      image.className = `layer-${layer}`;
      image.alt = "";
      image.draggable = false;
      found = new Promise((resolve) => {
        image.addEventListener("load", () => resolve(image), { once: true });
        image.addEventListener("error", () => resolve(null), { once: true });
      });
      image.src = file;
      pictures.set(file, found);
      if (pictures.size > MOST_KEPT) pictures.delete(pictures.keys().next().value);
    }
    return found;
  };

  const layersOf = (frame) =>
    LAYERS.filter((layer) => clip.drawn[layer][frame] === "1" && wanted(layer));

  const drawTold = () => {
    const box = svg("svg", { class: "told", viewBox: `0 0 ${clip.width} ${clip.height}`, "aria-hidden": "true" });
    if (!wanted("told")) return box;
    for (const [id, rows] of Object.entries(clip.told)) {
      const row = rows[index];
      if (!row) continue;
      const [left, top, right, bottom, x, y] = row;
      for (const kind of ["casing", hue(Number(id))]) {
        if (left !== null) {
          box.append(svg("rect", { class: kind, x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) }));
        }
        if (x !== null) {
          const arm = clip.width / 60;
          box.append(svg("path", { class: kind, d: `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}` }));
        }
      }
    }
    return box;
  };

  const meanOf = (key) => {
    const known = clip.objects.map((one) => one[key][index]).filter((value) => value !== null);
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
  };

  const drawReadout = () => {
    at("name").textContent = clip.frames[index];
    at("count").textContent = `frame ${index + 1} of ${clip.frames.length}`;
    at("link").href = `#frames-${clip.anchor}-${index}`;
    const told = clip.objects.length <= MOST_VALUES
      ? clip.objects.map((one) => [`object ${one.id}`, one.j[index], one.f[index], one.id])
      : [[`mean of ${clip.objects.length} objects`, meanOf("j"), meanOf("f"), 0]];
    at("values").replaceChildren(...told.map(([who, j, f, id]) => {
      const item = document.createElement("li");
      if (id) {
        const mark = svg("svg", { class: "swatch", viewBox: "0 0 26 6", "aria-hidden": "true" },
          svg("line", { x1: 0, y1: 3, x2: 26, y2: 3, "stroke-width": 2.2, class: hue(id), "stroke-dasharray": DASHES[(id - 1) % DASHES.length] }));
        item.append(mark);
      }
      item.append(` ${who} `);
      const value = document.createElement("strong");
      value.textContent = `J ${points(j)} · F ${points(f)}`;
      item.append(value);
      return item;
    }));
    const here = clip.spans.filter(([, first, last]) => first <= index && index <= last);
    at("now").replaceChildren(...here.slice(0, MOST_VALUES).map(([group, , , text]) => {
      const item = document.createElement("li");
      item.append(svg("svg", { class: "key", viewBox: "0 0 10 10", "aria-hidden": "true" },
        svg("rect", { class: `span-${group}`, width: 10, height: 10, rx: 2 })), ` ${text}`);
      return item;
    }));
    const [who, j, f] = told[0] || ["", null, null];
    slider.value = index;
    slider.setAttribute("aria-valuetext",
      `frame ${clip.frames[index]}, ${index + 1} of ${clip.frames.length}; ${who} J ${spokenPoints(j)}, F ${spokenPoints(f)}`);
  };

  // what is shown changes at once for all layers, and only when all are there
  const show = async () => {
    const mine = ++turn;
    const frame = index;
    drawReadout();
    if (chart) chart.moveTo(frame);
    const layers = layersOf(frame);
    const found = await Promise.all(layers.map((layer) => picture(layer, frame)));
    if (mine !== turn) return;
    const lost = layers.filter((layer, number) => !found[number]);
    stage.classList.toggle("dimmed", wanted("errors") && clip.drawn.errors[frame] === "1");
    const shown = [...found.filter(Boolean), drawTold()];
    if (lost.length) {
      const note = document.createElement("p");
      note.className = "lost";
      note.textContent = `Missing beside this page: ${lost.map((layer) => address(layer, frame)).join(", ")}`;
      shown.push(note);
    }
    stage.replaceChildren(...shown);
    stage.dataset.index = frame;
    stage.setAttribute("aria-label", `Frame ${clip.frames[frame]} of ${clip.name} with ${layers.slice(1).join(", ") || "no layer"}`);
    for (let next = frame + 1; next <= Math.min(frame + AHEAD, clip.frames.length - 1); next += 1) {
      for (const layer of layersOf(next)) picture(layer, next);
    }
  };

  const go = (target) => {
    index = clamp(Math.round(target), 0, clip.frames.length - 1);
    return show();
  };

  const stop = () => {
    playing = false;
    play.textContent = "Play";
  };

  const start = async () => {
    playing = true;
    play.textContent = "Pause";
    const mine = clip;
    if (index === clip.frames.length - 1) index = -1;
    while (playing && mine === clip && index < clip.frames.length - 1) {
      const begun = performance.now();
      await go(index + 1);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, PLAY_MS - (performance.now() - begun))));
    }
    stop();
  };

  const toggle = () => (playing ? stop() : start());

  const path = (values, x, y) => {
    let line = "";
    let open = false;
    values.forEach((value, frame) => {
      if (value === null) {
        open = false;
        return;
      }
      const here = `${x(frame).toFixed(1)} ${y(value).toFixed(1)}`;
      // a line of no length has round ends, so that a lone value is a dot
      line += open ? `L${here}` : `M${here}l0 0`;
      open = true;
    });
    return line;
  };

  // a group shades a frame once, however many of its events happen there
  const covered = (group) => {
    const merged = [];
    for (const [, first, end] of clip.spans.filter(([one]) => one === group).sort((a, b) => a[1] - b[1])) {
      const before = merged[merged.length - 1];
      if (before && first <= before[1] + 1) before[1] = Math.max(before[1], end);
      else merged.push([first, end]);
    }
    return merged;
  };

  const drawChart = () => {
    const box = at("chart");
    const width = Math.max(240, box.clientWidth);
    const [left, right, high, gap] = [34, 8, 84, 14];
    const lanes = GROUPS.filter((group) => clip.spans.some(([one]) => one === group));
    const plot = width - left - right;
    const last = Math.max(1, clip.frames.length - 1);
    const x = (frame) => left + (plot * frame) / last;
    const height = 2 * (high + gap) + 8 * lanes.length + 22;
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `J and F of ${clip.name} over ${clip.frames.length} frames, with failures and events` });
    const cursor = svg("g", { class: "cursor" });
    ["j", "f"].forEach((key, row) => {
      const top = 8 + row * (high + gap);
      const y = (value) => top + high * (1 - value);
      for (const group of SHADED) {
        for (const [first, end] of covered(group)) {
          const from = Math.max(left, x(first - 0.5));
          const to = Math.min(left + plot, x(end + 0.5));
          drawing.append(svg("rect", { class: `shade span-${group}`, x: from, y: top, width: Math.max(1, to - from), height: high }));
        }
      }
      for (const level of [0, 0.5, 1]) {
        drawing.append(svg("line", { class: level === 0.5 ? "half" : "grid", x1: left, x2: left + plot, y1: y(level), y2: y(level) }));
        drawing.append(svg("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, level === 0.5 ? key.toUpperCase() : String(100 * level)));
      }
      for (const one of clip.objects) {
        drawing.append(svg("path", { class: `curve ${hue(one.id)}`, d: path(one[key], x, y),
          "stroke-dasharray": DASHES[(one.id - 1) % DASHES.length] }));
      }
    });
    const foot = 8 + 2 * (high + gap);
    lanes.forEach((group, lane) => {
      for (const [one, first, end, text] of clip.spans) {
        if (one !== group) continue;
        const from = Math.max(left, x(first - 0.5));
        const to = Math.min(left + plot, x(end + 0.5));
        drawing.append(svg("rect", { class: `span-${group}`, x: from, y: foot + 8 * lane - 6, width: Math.max(2, to - from), height: 6 },
          svg("title", {}, text)));
      }
    });
    const base = foot + 8 * lanes.length + 8;
    drawing.append(svg("text", { x: left, y: base, "text-anchor": "start" }, "0"));
    drawing.append(svg("text", { x: left + plot, y: base, "text-anchor": "end" }, String(clip.frames.length - 1)));
    const line = svg("line", { y1: 4, y2: base - 10 });
    const label = svg("text", { y: base, "text-anchor": "middle" });
    cursor.append(line, label);
    drawing.append(cursor);
    const frameAt = (event) => {
      const box = drawing.getBoundingClientRect();
      return ((((event.clientX - box.left) * width) / box.width - left) / plot) * last;
    };
    drawing.addEventListener("pointerdown", (event) => {
      stop();
      go(frameAt(event));
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (event.buttons) go(frameAt(event));
    });
    box.replaceChildren(drawing);
    chart = {
      moveTo: (frame) => {
        line.setAttribute("x1", x(frame));
        line.setAttribute("x2", x(frame));
        label.setAttribute("x", clamp(x(frame), left + 26, left + plot - 26));
        label.textContent = String(frame);
      },
    };
    chart.moveTo(index);
  };

  const drawEvents = () => {
    const box = at("events");
    box.hidden = !clip.spans.length;
    box.querySelector("summary").textContent = clip.spans.length === 1 ? "1 failure or event" : `${clip.spans.length} failures and events`;
    box.querySelector("ul").replaceChildren(...clip.spans.map(([group, first, , text]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => {
        stop();
        go(first);
      });
      item.append(svg("svg", { class: "key", viewBox: "0 0 10 10", "aria-hidden": "true" },
        svg("rect", { class: `span-${group}`, width: 10, height: 10, rx: 2 })), " ", button);
      return item;
    }));
  };

  const worst = () => {
    let [lowest, found] = [Infinity, 0];
    for (const one of clip.objects) {
      one.j.forEach((value, frame) => {
        if (value !== null && value < lowest) [lowest, found] = [value, frame];
      });
    }
    return found;
  };

  const open = (anchor, frame) => {
    const data = document.getElementById(`frames-${anchor}`);
    if (!data) return;
    if (!clip || clip.anchor !== anchor) {
      stop();
      clip = JSON.parse(data.textContent);
      clip.anchor = anchor;
      picker.value = anchor;
      pictures.clear();
      stage.replaceChildren();
      slider.max = clip.frames.length - 1;
      for (const element of viewer.querySelectorAll("[data-for]")) {
        const layer = element.dataset.for;
        const there = layer === "told" ? Object.keys(clip.told).length > 0 : clip.drawn[layer].includes("1");
        element.hidden = !there;
      }
      index = 0;
      const left = clip.objects_in_all - clip.objects.length;
      at("chart-note").textContent = left > 0
        ? `The ${clip.objects.length} objects with the lowest J of ${clip.objects_in_all}.` : "";
      drawChart();
      drawEvents();
    }
    go(frame === null ? worst() : frame);
  };

  const onKey = (event) => {
    if (!clip || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = event.shiftKey ? PAGE : 1;
    const steps = {
      ArrowLeft: index - page, ArrowRight: index + page, ArrowDown: index - page, ArrowUp: index + page,
      PageUp: index - PAGE, PageDown: index + PAGE, Home: 0, End: clip.frames.length - 1,
    };
    if (event.key === " ") toggle();
    else if (event.key in steps) {
      stop();
      go(steps[event.key]);
    } else return;
    event.preventDefault();
  };

  stage.addEventListener("keydown", onKey);
  slider.addEventListener("keydown", onKey);
  slider.addEventListener("input", () => {
    stop();
    go(Number(slider.value));
  });
  play.addEventListener("click", toggle);
  for (const [name, step] of [["back", -1], ["next", 1]]) {
    at(name).addEventListener("click", () => {
      stop();
      go(index + step);
    });
  }
  stage.addEventListener("click", () => stage.focus());
  picker.addEventListener("change", () => open(picker.value, null));
  for (const box of boxes) box.addEventListener("change", () => clip && show());

  const follow = (link, event) => {
    const { view, index: frame, plot } = link.dataset;
    let target = frame === undefined ? null : Number(frame);
    const data = document.getElementById(`frames-${view}`);
    // from the keyboard a click has no place, and the worst frame is shown
    if (plot && event.detail > 0 && data) {
      const [from, wide] = plot.split(",").map(Number);
      const box = link.getBoundingClientRect();
      const last = JSON.parse(data.textContent).frames.length - 1;
      target = ((event.clientX - box.left) / box.width - from) / wide * last;
    }
    event.preventDefault();
    open(view, target);
    viewer.scrollIntoView({ block: "nearest" });
    stage.focus({ preventScroll: true });
  };
  for (const link of document.querySelectorAll("a.to-frame")) {
    link.addEventListener("click", (event) => follow(link, event));
  }

  const fromAddress = () => {
    const found = /^#frames-(.+)-(\d+)$/.exec(location.hash);
    if (!found || !document.getElementById(`frames-${found[1]}`)) return false;
    open(found[1], Number(found[2]));
    viewer.scrollIntoView({ block: "nearest" });
    return true;
  };
  window.addEventListener("hashchange", fromAddress);

  viewer.hidden = false;
  let drawn = 0;
  new ResizeObserver(() => {
    const width = at("chart").clientWidth;
    if (clip && width !== drawn) {
      drawn = width;
      drawChart();
    }
  }).observe(at("chart"));
  if (!fromAddress()) {
    // nothing is loaded before it is seen
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      if (!clip) open(picker.value, null);
    }, { rootMargin: "100px" });
    watch.observe(viewer);
  }
})();
