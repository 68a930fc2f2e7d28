"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (tag, text) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const words = { x1: "x₁", x2: "x₂", w1: "w₁", w2: "w₂", b: "b", t: "t" };
  const learned = ["w1", "w2", "b"];
  const held = { ...data.start };
  let name = "tanh", steps = 0, timer = null;
  const fixed = (x, places = 3) => {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
    const size = Math.abs(x), plain = size === 0 || (size >= 0.5 * 10 ** -places && size < 1e4);
    return (plain ? (x || 0).toFixed(places) : x.toExponential(1)).replace("e+", "e").replaceAll("-", "−");
  };
  const inside = (x) => (x < 0 ? `(${fixed(x, 2)})` : fixed(x, 2));

  // The recorded program of the chosen activation, at any numbers -----------------------------------

  function compute(numbers) {
    const fact = data.activations[name], v = [...fact.start];
    for (const [part, place] of Object.entries(fact.at)) if (part in numbers) v[place] = numbers[part];
    programs[name](v);
    const value = {}, slope = {};
    for (const part of Object.keys(fact.at)) {
      value[part] = v[fact.at[part]];
      slope[part] = v[fact.slope[part]];
    }
    return { value, slope };
  }
  const low = () => (["tanh", "identity"].includes(name) ? -1 : 0);
  const truth = { and: (a, b) => a && b, or: (a, b) => a || b, xor: (a, b) => a !== b };
  function examples() {
    const task = $("task").value;
    if (task === "one") return [{ x1: held.x1, x2: held.x2, t: held.t }];
    return [[0, 0], [0, 1], [1, 0], [1, 1]].map(([a, b]) => ({ x1: a, x2: b, t: truth[task](!!a, !!b) ? 1 : low() }));
  }
  function whole() {
    const all = examples().map((example) => compute({ ...held, ...example }));
    const mean = (pick) => all.reduce((sum, one) => sum + pick(one), 0) / all.length;
    const slope = Object.fromEntries(learned.map((part) => [part, mean((one) => one.slope[part])]));
    return { loss: mean((one) => one.value.loss), slope, right: all.filter((one) => (one.value.z > 0) === (one.value.t > 0.5)).length, count: all.length };
  }

  // What is shown -------------------------------------------------------------------------------------

  const svg = document.querySelector(".neuron svg");
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  const groups = [...svg.querySelectorAll(".node")];
  const titled = (test) => groups.find((group) => test(group.querySelector(".b")?.textContent || ""));
  const shown = { z: titled((t) => t.startsWith("Σ")), y: titled((t) => t === "tanh"), answer: titled((t) => t === "ŷ"), loss: titled((t) => t.startsWith("loss")) };
  for (const [part, id] of Object.entries(data.shapes)) shown[part] = document.getElementById(id);
  const products = groups.filter((group) => group.querySelector(".b")?.textContent === "×");
  const middle = (path) => path.getBBox().y;
  const lines = [...svg.querySelectorAll(".edge.w-pos, .edge.w-neg")].filter((path) => !path.closest(".legend")).sort((a, b) => middle(a) - middle(b));
  const minus = titled((t) => t.startsWith("−"));
  function put(group, value, slope, title) {
    if (!group) return;
    group.querySelector("title")?.remove();
    const texts = [...group.querySelectorAll("text")], gradient = group.querySelector(".g");
    texts.filter((text) => !text.matches(".b, .g")).pop().textContent = fixed(value);
    if (gradient) gradient.textContent = `∇ ${fixed(slope)}`;
    if (title) group.querySelector(".b").textContent = title;
  }
  function show() {
    const { value, slope } = compute(held), fact = data.activations[name];
    for (const part of [...Object.keys(data.shapes), "z", "loss"]) put(shown[part], value[part], slope[part]);
    put(shown.y, value.y, slope.y, name === "identity" ? "= z" : name);
    put(shown.answer, value.y, slope.y);
    put(minus, value.y - value.t, slope.y);
    lines.forEach((path, i) => {
      const w = value[`w${i + 1}`], most = Math.max(Math.abs(value.w1), Math.abs(value.w2), 1e-300);
      path.setAttribute("class", `line edge w-${w < 0 ? "neg dash" : "pos"}`);
      path.setAttribute("stroke-width", (0.8 + 3.4 * Math.abs(w) / most).toFixed(1));
      path.parentNode.querySelector("[class^=h-]")?.setAttribute("class", `h-${w < 0 ? "neg" : "pos"}`);
    });
    products.forEach((group, i) => put(group, value[`w${i + 1}`] * value[`x${i + 1}`], slope.z));
    const parts = `${inside(value.w1)} · ${inside(value.x1)} + ${inside(value.w2)} · ${inside(value.x2)} + ${inside(value.b)}`;
    $("sum").textContent = `z = w₁·x₁ + w₂·x₂ + b = ${parts} = ${fixed(value.z)}`;
    $("output").textContent = `ŷ = ${fact.formula} = ${fixed(value.y)}`;
    $("loss").textContent = `(ŷ − t)² = (${fixed(value.y)} − ${inside(value.t)})² = ${fixed(value.loss)}`;
    const all = whole(), rows = learned.map((part) => {
      const row = make("tr");
      row.append(make("td", words[part]), make("td", fixed(held[part])), make("td", fixed(all.slope[part])), make("td", fixed(held[part] - rate() * all.slope[part])));
      return row;
    });
    $("next").replaceChildren(...rows);
    const score = all.count > 1 ? `, ${all.right} of ${all.count} right` : "";
    $("count").textContent = `${steps} steps; ${all.count > 1 ? "mean " : ""}loss ${fixed(all.loss)}${score}`;
    const flat = Math.hypot(held.w1, held.w2) < 1e-9;
    $("says").textContent = `${flat ? "Without weights there is no line: the answer is the same everywhere." : "The line is where the weighted sum is 0. The weights turn it, the bias moves it."}${$("task").value === "xor" ? " No line has (0, 1) and (1, 0) on one side and the other two on the other: XOR takes more neurons." : ""}${all.count > 1 ? " The picture above shows the example (1, 1)." : ""}`;
    for (const [part, { slide, exact }] of Object.entries(sliders)) {
      slide.value = held[part];
      if (document.activeElement !== exact) exact.value = +held[part].toPrecision(4);
    }
    plane();
  }
  const rate = () => +$("rate").value || 0;

  // The plane -----------------------------------------------------------------------------------------

  const canvas = $("plane"), reach = 2.2;
  const place = (x, y) => [(x + reach) / (2 * reach) * canvas.width, (reach - y) / (2 * reach) * canvas.height];
  function plane() {
    const pen = canvas.getContext("2d"), cells = 45, size = canvas.width / cells;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const [up, down, ground, ink] = dark ? [[58, 120, 170], [190, 110, 60], [13, 17, 23], "#e6edf3"] : [[120, 170, 205], [222, 160, 125], [255, 255, 255], "#1b1f24"];
    for (let i = 0; i < cells; i++) {
      for (let j = 0; j < cells; j++) {
        const x1 = (i + 0.5) / cells * 2 * reach - reach, x2 = reach - (j + 0.5) / cells * 2 * reach;
        const { value } = compute({ ...held, x1, x2 });
        const y = Math.max(-1, Math.min(1, low() ? value.y : 2 * Math.min(value.y, 1) - 1));
        const tint = (y > 0 ? up : down).map((c, k) => Math.round(ground[k] + (c - ground[k]) * Math.abs(y)));
        pen.fillStyle = `rgb(${tint})`;
        pen.fillRect(i * size, j * size, size + 1, size + 1);
      }
    }
    pen.strokeStyle = pen.fillStyle = ink;
    pen.globalAlpha = 0.35;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const [a, b] of [[[-reach, 0], [reach, 0]], [[0, -reach], [0, reach]]]) {
      pen.moveTo(...place(...a));
      pen.lineTo(...place(...b));
    }
    pen.stroke();
    pen.globalAlpha = 1;
    const { w1, w2, b } = held, size2 = w1 * w1 + w2 * w2;
    if (size2 > 1e-18) {
      const [px, py] = [-b * w1 / size2, -b * w2 / size2], k = 12 / Math.sqrt(size2);
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.moveTo(...place(px - w2 * k, py + w1 * k));
      pen.lineTo(...place(px + w2 * k, py - w1 * k));
      pen.stroke();
    }
    pen.font = "13px DejaVu Sans, Verdana, sans-serif";
    pen.fillText("x₁", canvas.width - 20, canvas.height / 2 - 6);
    pen.fillText("x₂", canvas.width / 2 + 6, 14);
    for (const { x1, x2, t } of examples()) {
      const [x, y] = place(x1, x2), high = t > 0.5;
      pen.beginPath();
      if (high) pen.arc(x, y, 8, 0, 7);
      else pen.rect(x - 7, y - 7, 14, 14);
      pen.fillStyle = high ? "#0b5c94" : "#b8430a";
      pen.fill();
      pen.strokeStyle = "#fff";
      pen.lineWidth = 2;
      pen.stroke();
    }
  }
  let pointing = false;
  const point = (event) => {
    if ($("task").value !== "one") return;
    const box = canvas.getBoundingClientRect();
    const across = (event.clientX - box.x) / box.width, below = (event.clientY - box.y) / box.height;
    held.x1 = +(across * 2 * reach - reach).toFixed(2);
    held.x2 = +(reach - below * 2 * reach).toFixed(2);
    show();
  };
  canvas.addEventListener("pointerdown", (event) => { pointing = true; point(event); });
  canvas.addEventListener("pointermove", (event) => { if (pointing) point(event); });
  addEventListener("pointerup", () => { pointing = false; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", plane);

  // Controls ------------------------------------------------------------------------------------------

  const sliders = {};
  for (const part of Object.keys(words)) {
    const box = make("div"), label = make("label", words[part]), slide = make("input"), exact = make("input");
    box.className = "knob";
    slide.type = "range";
    exact.type = "number";
    exact.step = "any";
    [slide.min, slide.max, slide.step, slide.id] = [-3, 3, 0.01, `s-${part}`];
    label.htmlFor = slide.id;
    exact.setAttribute("aria-label", words[part]);
    for (const input of [slide, exact]) {
      input.addEventListener("input", () => {
        if (input.value === "" || !Number.isFinite(+input.value)) return;
        held[part] = +input.value;
        show();
      });
    }
    sliders[part] = { box, slide, exact };
    box.append(label, slide, exact);
    $("sliders").append(box);
  }
  for (const each of Object.keys(data.activations)) $("activation").append(make("option", each));
  $("activation").addEventListener("change", () => { name = $("activation").value; show(); });
  $("task").addEventListener("change", () => {
    for (const part of ["x1", "x2", "t"]) sliders[part].box.hidden = $("task").value !== "one";
    const [first] = examples();
    if ($("task").value !== "one") Object.assign(held, examples()[3]);
    else Object.assign(held, first);
    steps = 0;
    show();
  });
  $("rate").addEventListener("input", show);
  function step() {
    const { slope } = whole();
    for (const part of learned) held[part] -= rate() * slope[part];
    steps += 1;
    show();
  }
  function run(on) {
    clearInterval(timer);
    timer = on ? setInterval(step, 60) : null;
    $("run").setAttribute("aria-pressed", String(on));
    $("run").textContent = on ? "Stop" : "Run";
  }
  $("step").addEventListener("click", step);
  $("run").addEventListener("click", () => run(!timer));
  $("again").addEventListener("click", () => {
    run(false);
    Object.assign(held, $("task").value === "one" ? data.start : { w1: data.start.w1, w2: data.start.w2, b: data.start.b });
    steps = 0;
    show();
  });
  show();
})();
