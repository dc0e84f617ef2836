// Zoom and pan of the traces in time. Without it the page shows the whole run.
"use strict";
for (const node of document.querySelectorAll("script.zoom-data")) {
  const data = JSON.parse(node.textContent);
  const figure = node.closest("figure");
  const holder = node.closest(".drawing");
  const svg = holder.querySelector("svg");
  if (!data.axes.length || !svg) continue;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const blobs = data.blobs.map(bytes);
  const [left, , right] = data.axes[0];
  const full = data.span;
  const shortest = (full[1] - full[0]) / 1000;
  let view = [...full];
  let pending = false;
  const namespace = svg.namespaceURI;

  const tracks = data.tracks.flatMap((track) => {
    const path = svg.querySelector("#" + track.id + " path");
    if (!path) return [];
    const y = new Uint16Array(blobs[track.y]);
    const x = track.t === undefined ? null : new Float32Array(blobs[track.t]);
    return [{ ...track, path, y, x, whole: path.getAttribute("d") }];
  });
  const time = (x) => full[0] + ((x - left) / (right - left)) * (full[1] - full[0]);
  const marks = [...svg.querySelectorAll("g[clip-path] > use")].map((use) => {
    const x = use.getAttribute("x");
    return { use, x, t: time(Number(x)) };
  });
  // Rasters of many spikes are images: stretched within a group that keeps them in their panel.
  const images = [...svg.querySelectorAll("image")].map((image) => {
    const clipped = image.closest("[id*='-panel-']").querySelector("[clip-path]");
    const outer = document.createElementNS(namespace, "g");
    const inner = document.createElementNS(namespace, "g");
    if (clipped) outer.setAttribute("clip-path", clipped.getAttribute("clip-path"));
    image.replaceWith(outer);
    outer.append(inner);
    inner.append(image);
    return inner;
  });
  const axis = svg.querySelector("#" + data.prefix + "-time-axis");
  const ticks = [...axis.querySelectorAll("g[id*='xtick_']")];
  const label = ticks.length ? ticks[0].querySelector("text") : null;
  const own = document.createElementNS(namespace, "g");
  axis.append(own);
  const floor = data.axes[data.axes.length - 1][3];

  const px = (t) => left + ((t - view[0]) / (view[1] - view[0])) * (right - left);
  const at = (track, k) => (track.x ? track.x[k] : track.t0 + k * track.dt);
  const first = (track, t) => {
    if (!track.x) return Math.floor((t - track.t0) / track.dt);
    let low = 0, high = track.x.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (track.x[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  };
  const redraw = (track) => {
    const [, top, , bottom] = data.axes[track.axes];
    const n = track.y.length;
    const from = Math.max(0, first(track, view[0]) - 1);
    const to = Math.min(n - 1, first(track, view[1]) + 2);
    const height = (k) => top + (bottom - top) * (1.25 - (track.y[k] / 65534) * 1.5);
    const every = Math.max(1, Math.floor((to - from) / ((right - left) * 2)));
    let d = "", pen = "M";
    const put = (k) => {
      if (track.y[k] === 65535) { pen = "M"; return; }
      d += pen + px(at(track, k)).toFixed(2) + " " + height(k).toFixed(2);
      pen = "L";
    };
    for (let k = from; k <= to; k += every) {
      put(k);
      if (every === 1) continue;
      let low = k, high = k;
      for (let j = k; j < Math.min(k + every, to + 1); j++) {
        if (track.y[j] < track.y[low]) low = j;
        if (track.y[j] > track.y[high] && track.y[j] !== 65535) high = j;
      }
      put(Math.min(low, high));
      put(Math.max(low, high));
    }
    track.path.setAttribute("d", d);
  };
  const drawTicks = () => {
    own.replaceChildren();
    const rough = (view[1] - view[0]) / 7;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (let k = Math.ceil(view[0] / step - 1e-9); k * step <= view[1] + 1e-9 * step; k++) {
      const x = px(k * step);
      const line = document.createElementNS(namespace, "path");
      line.setAttribute("d", `M${x} ${floor}v3`);
      line.setAttribute("style", "stroke: var(--muted); stroke-width: .7");
      const text = document.createElementNS(namespace, "text");
      text.textContent = (k * step).toFixed(digits);
      text.setAttribute("style", label ? label.getAttribute("style") : "font: 7px var(--font)");
      text.style.textAnchor = "middle";
      text.setAttribute("x", x);
      text.setAttribute("y", floor + 11.8);
      own.append(line, text);
    }
  };
  const draw = () => {
    pending = false;
    const whole = view[0] <= full[0] && view[1] >= full[1];
    holder.classList.toggle("zoomed", !whole);
    for (const tick of ticks) tick.style.display = whole ? "" : "none";
    const scale = (full[1] - full[0]) / (view[1] - view[0]);
    for (const image of images) {
      image.setAttribute("transform", `matrix(${scale} 0 0 1 ${px(full[0]) - scale * left} 0)`);
    }
    if (whole) {
      own.replaceChildren();
      for (const track of tracks) track.path.setAttribute("d", track.whole);
      for (const mark of marks) mark.use.setAttribute("x", mark.x);
      return;
    }
    drawTicks();
    tracks.forEach(redraw);
    for (const mark of marks) mark.use.setAttribute("x", px(mark.t).toFixed(2));
  };
  const show = (start, span) => {
    span = Math.min(Math.max(span, shortest), full[1] - full[0]);
    start = Math.min(Math.max(start, full[0]), full[1] - span);
    view = [start, start + span];
    if (!pending) { pending = true; requestAnimationFrame(draw); }
  };
  const zoom = (factor, where = 0.5) => {
    const span = view[1] - view[0];
    const next = Math.min(Math.max(span * factor, shortest), full[1] - full[0]);
    show(view[0] + (span - next) * where, next);
  };
  const pan = (share) => show(view[0] + share * (view[1] - view[0]), view[1] - view[0]);
  const units = () => svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
  const share = (event) => {
    const x = (event.clientX - svg.getBoundingClientRect().left) * units();
    return Math.min(Math.max((x - left) / (right - left), 0), 1);
  };

  const acts = {
    in: () => zoom(0.5), out: () => zoom(2), left: () => pan(-0.4), right: () => pan(0.4),
    all: () => show(full[0], full[1] - full[0]),
  };
  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", 0: "all" };
  // One bar for a figure and its narrow twin, of which one is shown; both follow, so that a turned phone fits.
  const bar = figure.querySelector(".zoom");
  bar.hidden = false;
  for (const button of bar.querySelectorAll("button")) {
    button.addEventListener("click", () => acts[button.dataset.act]());
  }
  holder.tabIndex = 0;
  holder.setAttribute("role", "group");
  holder.setAttribute("aria-keyshortcuts", "+ - ArrowLeft ArrowRight 0");
  holder.setAttribute("aria-label", "traces over time: keys + and - zoom, arrows move, 0 shows all");
  holder.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    acts[act]();
  });
  svg.addEventListener("dblclick", (event) => {
    if (event.shiftKey) acts.all(); else zoom(0.25, share(event));
  });
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    zoom(Math.exp(Math.max(-50, Math.min(50, event.deltaY)) * 0.01), share(event));
  }, { passive: false });
  let grip = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || !holder.classList.contains("zoomed")) return;
    grip = { x: event.clientX, start: view[0] };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const span = view[1] - view[0];
    show(grip.start - ((event.clientX - grip.x) * units() / (right - left)) * span, span);
  });
  const release = () => { grip = null; };
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
}
