"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const stage = $("stage"), panel = $("panel"), live = $("live");
  const story = data.story;
  const make = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const say = (text) => { live.textContent = text; };
  const spoken = (text) => text.replaceAll("∇", "gradient").replaceAll("−", "minus ").replaceAll("–", "not computed");
  const show = (x) => {
    if (x === 0) return "0";
    const size = Math.abs(x);
    const text = size >= 1e-4 && size < 1e4 ? String(+x.toPrecision(4)) : x.toExponential(3).replace(/\.?0+e/, "e");
    return text.replace("-", "−").replace("e+", "e").replace("e-", "e−");
  };

  // The drawn shapes and lines of each level ------------------------------------------------------

  const levels = {};
  for (const box of stage.querySelectorAll(".level")) {
    const svg = box.querySelector("svg");
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    for (const title of svg.querySelectorAll("title")) if (title.parentNode !== svg) title.remove();
    levels[box.dataset.level] = { box, svg, width, height, view: [0, 0, width, height], at: null };
  }
  const shapes = {}, lines = {}, into = {}, from = {};
  for (const id of Object.keys(data.nodes)) {
    const group = document.getElementById(id);
    if (!group) continue;
    shapes[id] = group;
    into[id] = [];
    from[id] = [];
    const [title, role, text, gradient] = data.nodes[id];
    group.setAttribute("role", "img");
    group.setAttribute("aria-label", spoken([title, role, ...text, gradient].filter(Boolean).join(", ")));
  }
  for (const [id, [source, target]] of Object.entries(data.edges)) {
    if (!shapes[source] || !shapes[target]) continue;
    lines[id] = document.getElementById(id);
    from[source].push(id);
    into[target].push(id);
  }
  let level = data.level;
  const here = () => levels[level];

  // Pan and zoom ----------------------------------------------------------------------------------

  const frame = () => here().svg.setAttribute("viewBox", here().view.join(" "));
  const scale = () => here().width / here().view[2];
  const point = (event) => {
    const place = new DOMPoint(event.clientX, event.clientY);
    return place.matrixTransform(here().svg.getScreenCTM().inverse());
  };
  function zoom(factor, about) {
    const now = here(), [x, y, w, h] = now.view;
    const middle = about || { x: x + w / 2, y: y + h / 2 };
    const limited = Math.min(Math.max(scale() * factor, 0.4), 60) / scale();
    now.view = [middle.x - (middle.x - x) / limited, middle.y - (middle.y - y) / limited, w / limited, h / limited];
    frame();
    deeper(limited > 1, middle);
  }
  // Far in, the next level shows what a shape is made of; far out, the one before gives the overview.
  function deeper(closer, middle) {
    const names = data.levels.map(([name]) => name), place = names.indexOf(level);
    const next = closer && scale() > 3.2 ? names[place + 1] : !closer && scale() < 0.5 ? names[place - 1] : null;
    if (!next) return;
    const across = middle.x / here().width, down = middle.y / here().height;
    choose(next);
    const now = here(), k = closer ? 1.4 : 1;
    const [w, h] = [now.width / k, now.height / k];
    now.view = closer ? [across * now.width - w / 2, down * now.height - h / 2, w, h] : [0, 0, now.width, now.height];
    frame();
  }
  function fit() {
    here().view = [0, 0, here().width, here().height];
    frame();
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), point(event));
  }, { passive: false });
  const fingers = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    moved = 0;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const others = [...fingers.values()].filter((e) => e.pointerId !== event.pointerId);
    moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (moved > 4 && !stage.hasPointerCapture(event.pointerId)) {
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("drag");
    }
    if (others.length) {
      const apart = (e) => Math.hypot(e.clientX - others[0].clientX, e.clientY - others[0].clientY);
      if (apart(before) > 0) zoom(apart(event) / apart(before), point(event));
    } else if (moved > 4) {
      const a = point(before), b = point(event);
      here().view[0] -= b.x - a.x;
      here().view[1] -= b.y - a.y;
      frame();
    }
    fingers.set(event.pointerId, event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      stage.classList.remove("drag");
    });
  }
  $("zoom").addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    if (way === "fit") fit();
    else if (way) zoom(way === "in" ? 1.4 : 1 / 1.4);
  });

  // Levels ----------------------------------------------------------------------------------------

  const buttons = {};
  for (const [name, word] of data.levels) {
    const button = make("button", word);
    button.type = "button";
    button.addEventListener("click", () => { choose(name); fit(); });
    buttons[name] = button;
    $("levels").append(button);
  }
  $("levels").hidden = data.levels.length < 2;
  function choose(name) {
    level = name;
    document.title = document.querySelector("h1").textContent = data.titles[name];
    for (const [other, { box }] of Object.entries(levels)) {
      box.hidden = other !== name;
      if (buttons[other]) buttons[other].setAttribute("aria-pressed", String(other === name));
    }
    $("steps").hidden = !(story && name === "op") || numbers !== null;
    tell();
  }

  // The chosen shape ------------------------------------------------------------------------------

  function pick(id, aloud) {
    const now = here();
    if (now.at && shapes[now.at]) {
      shapes[now.at].classList.remove("at");
      shapes[now.at].querySelector(".ring")?.remove();
    }
    now.at = id;
    if (id) {
      const group = shapes[id], box = group.getBBox();
      const ring = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [key, value] of Object.entries({ x: box.x - 5, y: box.y - 5, width: box.width + 10,
        height: box.height + 10, rx: 8, class: "ring" })) ring.setAttribute(key, value);
      group.append(ring);
      group.classList.add("at");
      if (aloud) {
        say(group.getAttribute("aria-label"));
        reveal(box);
      }
    }
    tell();
  }
  function reveal(box) {
    const [x, y, w, h] = here().view, mx = box.x + box.width / 2, my = box.y + box.height / 2;
    const matrix = shapes[here().at].getCTM(), base = here().svg.getCTM();
    const place = new DOMPoint(mx, my).matrixTransform(base.inverse().multiply(matrix));
    if (place.x < x || place.x > x + w || place.y < y || place.y > y + h) {
      here().view = [place.x - w / 2, place.y - h / 2, w, h];
      frame();
    }
  }
  const nodeOf = (target) => {
    const group = target.closest?.(".node");
    return group && shapes[group.id] ? group.id : null;
  };
  stage.addEventListener("pointerover", (event) => {
    const id = nodeOf(event.target);
    if (id && !fingers.size) tell(id);
  });
  stage.addEventListener("pointerout", (event) => {
    if (nodeOf(event.target)) tell();
  });
  stage.addEventListener("click", (event) => {
    if (moved <= 4) pick(nodeOf(event.target), true);
  });

  // Along the lines by keyboard
  const middle = (id) => {
    const box = shapes[id].getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  function beside(id, down) {
    const [x, y] = middle(id);
    let best = null, least = Infinity;
    for (const other of Object.keys(shapes)) {
      if (other === id || !here().svg.contains(shapes[other])) continue;
      const [ox, oy] = middle(other), step = (oy - y) * (down ? 1 : -1);
      const cost = step + 3 * Math.abs(ox - x);
      if (step > 1 && Math.abs(ox - x) < 60 && cost < least) [best, least] = [other, cost];
    }
    return best;
  }
  const mine = () => Object.keys(shapes).filter((id) => here().svg.contains(shapes[id]));
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = here().at, all = mine();
    const moves = {
      ArrowRight: () => at && from[at].length ? data.edges[from[at][0]][1] : at || all[0],
      ArrowLeft: () => at && into[at].length ? data.edges[into[at][0]][0] : at || all[0],
      ArrowDown: () => at ? beside(at, true) || at : all[0],
      ArrowUp: () => at ? beside(at, false) || at : all[0],
    };
    if (event.key in moves) {
      event.preventDefault();
      pick(moves[event.key](), true);
    } else if (event.key === "Escape") pick(null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    const keys = { "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: fit,
      n: () => go(stepped ? time + 1 : 0), p: () => go(time - 1), Home: () => go(0), End: () => go(last) };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    if ("npHomeEnd".includes(event.key) && $("steps").hidden) return;
    event.preventDefault();
    act();
  });

  // Search ----------------------------------------------------------------------------------------

  let found = [], turn = 0;
  $("search").addEventListener("input", () => {
    const word = $("search").value.trim().toLowerCase();
    for (const id of found) shapes[id].classList.remove("found");
    found = word ? mine().filter((id) => plain(names(id)).includes(plain([word]))) : [];
    for (const id of found) shapes[id].classList.add("found");
    turn = 0;
    if (word) say(found.length === 1 ? "1 shape found" : `${found.length} shapes found`);
  });
  const names = (id) => [data.nodes[id][0], data.nodes[id][4].split("\n")[0]];
  const digits = "₀₁₂₃₄₅₆₇₈₉";
  const plain = (parts) => parts.flat().join(" ").toLowerCase().replace(/[₀-₉]/g, (d) => digits.indexOf(d));
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && found.length) pick(found[turn++ % found.length], true);
    if (event.key === "Escape") {
      $("search").value = "";
      $("search").dispatchEvent(new Event("input"));
    }
  });

  // Stepping: forward one operation at a time, then backward one operation at a time --------------

  const last = story ? story.forward.length + story.backward.length : 0;
  let time = last, stepped = false;
  const passed = {};
  if (story) {
    for (const [id, edge] of Object.entries(story.edges)) (passed[edge.to] ||= []).push([id, edge]);
  }
  const alias = {}, uses = {};
  if (story) {
    for (const edge of Object.values(story.edges)) (uses[edge.from] ||= []).push(edge);
    for (const [id, [source, target]] of Object.entries(data.edges)) {
      if (!story.edges[id] && story.nodes[target] && !story.edges[target]
        && data.nodes[target]?.[1] === "output" && story.nodes[source]) alias[target] = source;
    }
  }
  function state(t) {
    const done = new Set(Object.keys(story.nodes).filter((id) => !story.forward.includes(id)));
    story.forward.slice(0, t).forEach((id) => done.add(id));
    const back = story.backward.slice(0, Math.max(0, t - story.forward.length));
    const sums = {};
    const root = story.forward[story.forward.length - 1];
    if (t > story.forward.length) sums[root] = { total: 1, parts: 1, whole: true };
    for (const id of back) {
      for (const [line, edge] of passed[id] || []) {
        const sum = (sums[edge.from] ||= { total: 0, parts: 0, whole: true, shown: "" });
        sum.parts += 1;
        sum.shown = edge.share;
        if (edge.amount === undefined) sum.whole = false;
        else sum.total += edge.amount;
      }
    }
    for (const [copy, own] of Object.entries(alias)) if (sums[own]) sums[copy] = sums[own];
    return { done, back, sums };
  }
  function nabla(id, sums) {
    const sum = sums[id], told = story.nodes[id];
    if (!sum) return told.gradient === undefined ? "" : "∇ –";
    const all = sum.parts >= (uses[alias[id] || id] || [0]).length;
    if (all) return told.slope === undefined ? data.nodes[id][3] || `∇ ${told.gradient}` : `∇ ${fixed(told.slope)}`;
    return sum.whole ? `∇ ${fixed(sum.total)} + …` : "∇ …";
  }
  function go(t) {
    if (!story) return;
    time = Math.min(Math.max(t, 0), last);
    stepped = true;
    draw();
    const { id, words } = happening();
    say(spoken(words.replaceAll(":\n", ": ").replaceAll("\n", "; ")));
    pick(id, false);
  }
  function happening() {
    const count = story.forward.length;
    if (time === 0) return { id: null, words: "Nothing is computed yet: what is given stands there." };
    if (time <= count) {
      const id = story.forward[time - 1], told = story.nodes[id];
      return { id, words: `Forward ${time} of ${count}: ${told.formula || `${told.title} = ${told.value}`}` };
    }
    const id = story.backward[time - count - 1];
    const shares = (passed[id] || []).map(([, edge]) =>
      `${story.nodes[edge.from].title} gets ${edge.local === undefined ? "" : `${edge.local} × ${edge.upstream} = `}${edge.share}`);
    return { id, words: `Backward ${time - count} of ${story.backward.length}: ${story.nodes[id].title} passes on:\n${shares.join("\n")}` };
  }
  function draw() {
    const { done, back, sums } = state(time), now = happening().id;
    const flowing = new Set(time > story.forward.length ? (passed[now] || []).map(([id]) => id) : []);
    for (const id of Object.keys(story.nodes)) {
      const group = shapes[id];
      if (!group) continue;
      group.classList.toggle("todo", !done.has(id));
      group.classList.toggle("now", id === now);
      const line = group.querySelector(".g");
      if (line) line.textContent = nabla(id, sums);
    }
    for (const [id, group] of Object.entries(lines)) {
      if (!here().svg.contains(group)) continue;
      const [source, target] = data.edges[id];
      group.classList.toggle("todo", !(done.has(source) && done.has(target)));
      group.classList.toggle("flow", flowing.has(id));
    }
    mark();
  }
  function mark() {
    $("place").textContent = !stepped ? "" : time <= story.forward.length
      ? `forward ${time} of ${story.forward.length}`
      : `backward ${time - story.forward.length} of ${story.backward.length}`;
    const [first, earlier, next, end] = $("steps").querySelectorAll("button");
    first.disabled = stepped && time === 0;
    earlier.disabled = time === 0;
    next.disabled = end.disabled = stepped && time === last;
  }
  $("steps").addEventListener("click", (event) => {
    const way = event.target.closest("button")?.dataset.step;
    if (way === "first" || (way === "next" && !stepped)) go(0);
    else if (way === "next") go(time + 1);
    else if (way === "back") go(time - 1);
    else if (way === "last") go(last);
  });

  // What if: other numbers for the leaves; the recorded program, with its gradients, runs here ----

  const program = compute && data.live?.start ? data.live : null;
  let numbers = null;
  const before = new Map();
  const fixed = (x) => {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
    const size = Math.abs(x);
    const text = size === 0 || (size >= 0.0005 && size < 1e4) ? (x || 0).toFixed(3) : x.toExponential(2).replace("e+", "e");
    return text.replaceAll("-", "−");
  };
  const put = (element, text) => {
    if (!before.has(element)) before.set(element, element.textContent);
    element.textContent = text;
  };
  function run(changes) {
    numbers ||= [...program.start];
    for (const [slot, number] of changes) numbers[slot] = number;
    compute(numbers);
    stepped = false;
    for (const id of Object.keys(program.nodes)) {
      const group = shapes[id], [place, slope] = program.nodes[id];
      group.classList.remove("todo", "now");
      put([...group.querySelectorAll("text:not(.b):not(.g)")].pop(), fixed(numbers[place]));
      const line = group.querySelector(".g");
      if (line) put(line, `∇ ${fixed(numbers[slope])}`);
    }
    weigh();
    $("changed").hidden = false;
    $("steps").hidden = true;
  }
  // A line carries the weight that its input is multiplied with: sign by colour and dash, size by width.
  function weigh() {
    const factors = {};
    for (const [id, [source, target]] of Object.entries(data.edges)) {
      if (data.nodes[source]?.[1] === "weight" && data.nodes[target]?.[1] === "product") factors[target] = source;
    }
    const size = (id) => Math.abs(numbers ? numbers[program.nodes[id][0]] : 0);
    const largest = Math.max(...Object.values(factors).filter((id) => program.nodes[id]).map(size), 1e-300);
    for (const [id, [source, target]] of Object.entries(data.edges)) {
      const path = lines[id]?.querySelector(".w-pos, .w-neg"), weight = factors[target];
      lines[id]?.classList.remove("todo", "flow");
      if (!path || !weight || weight === source || !program.nodes[weight]) continue;
      const negative = numbers[program.nodes[weight][0]] < 0, head = lines[id].querySelector("[class^=h-]");
      path.setAttribute("stroke-width", (0.8 + 3.4 * Math.min(1, size(weight) / largest)).toFixed(1));
      path.setAttribute("class", `line edge w-${negative ? "neg dash" : "pos"}`);
      if (head) head.setAttribute("class", `h-${negative ? "neg" : "pos"}`);
    }
  }
  $("reset").addEventListener("click", () => {
    numbers = [...program.start];
    compute(numbers);
    weigh();
    numbers = null;
    for (const [element, text] of before) element.textContent = text;
    $("changed").hidden = true;
    $("steps").hidden = !(story && level === "op");
    mark();
    tell();
  });
  function knob(id) {
    const slot = program.leaves[id], now = () => (numbers || program.start)[slot];
    const box = make("div", undefined, "knob"), label = make("label", data.nodes[id][0]);
    const slide = make("input"), exact = make("input");
    const reach = Math.max(2, Math.ceil(2 * Math.abs(program.start[slot])));
    slide.type = "range";
    exact.type = "number";
    for (const [key, value] of [["min", -reach], ["max", reach], ["step", reach / 200]]) slide[key] = value;
    exact.step = "any";
    slide.id = `knob-${id}`;
    label.htmlFor = slide.id;
    label.title = `${data.nodes[id][0]}, ${data.nodes[id][1]}`;
    exact.setAttribute("aria-label", data.nodes[id][0]);
    const follow = () => {
      slide.value = now();
      if (document.activeElement !== exact) exact.value = +now().toPrecision(4);
    };
    for (const input of [slide, exact]) {
      input.addEventListener("input", () => {
        if (input.value === "" || !Number.isFinite(+input.value)) return;
        run([[slot, +input.value]]);
        for (const each of knobs) each();
        outcome();
      });
    }
    follow();
    knobs.push(follow);
    box.append(label, slide, exact);
    return box;
  }
  let knobs = [], rate = 0.1;
  const result = story ? story.forward[story.forward.length - 1] : null;
  function outcome() {
    const place = document.getElementById("outcome");
    if (place && program) place.textContent = `${data.nodes[result][0]} = ${fixed(now(result))}`;
  }
  const now = (id) => (numbers || start())[program.nodes[id][0]];
  let first = null;
  const start = () => {
    if (!first) compute(first = [...program.start]);
    return first;
  };
  function whatIf(ids) {
    const box = make("section");
    knobs = [];
    box.append(make("h2", "What if?"), ...ids.map(knob));
    const line = make("p", "", "formula");
    line.id = "outcome";
    const learn = Object.keys(program.leaves).filter((id) => ["weight", "bias"].includes(data.nodes[id][1]));
    const act = make("div", undefined, "act"), step = make("button", "One training step");
    step.type = "button";
    const pace = make("input"), label = make("label", "rate ");
    pace.type = "number";
    pace.step = "any";
    pace.value = rate;
    label.append(pace);
    pace.addEventListener("input", () => { rate = +pace.value || 0; });
    step.addEventListener("click", () => {
      const held = numbers || start();
      run(learn.map((id) => [program.leaves[id], held[program.nodes[id][0]] - rate * held[program.nodes[id][1]]]));
      for (const each of knobs) each();
      outcome();
      say(spoken(`${data.nodes[result][0]} is now ${fixed(now(result))}`));
    });
    if (learn.length && data.nodes[result][1] === "loss") act.append(step, label);
    box.append(line, act);
    return box;
  }

  // The panel -------------------------------------------------------------------------------------

  function tell(hovered) {
    const id = hovered || here().at;
    panel.replaceChildren();
    if (stepped && story && level === "op" && !hovered) panel.append(make("p", happening().words, "formula"));
    if (!id) {
      if (program && level === "op" && !stepped) {
        const ranks = ["input", "weight", "bias"], rank = (id) => (ranks.indexOf(data.nodes[id][1]) + 4) % 4;
        const leaves = Object.keys(program.leaves).sort((a, b) => rank(a) - rank(b));
        panel.append(whatIf(leaves.slice(0, 14)));
        if (leaves.length > 14) panel.append(make("p", "Choose a weight or an input in the picture to move it.", "hint"));
        outcome();
      } else if (data.live?.why && level === "op" && !stepped) {
        panel.append(make("p", `There are no sliders here: ${data.live.why}.`, "hint"));
      }
      if (!(stepped && level === "op")) panel.append(...hints());
      return;
    }
    const [title, role, text, gradient, tip] = data.nodes[id];
    const told = level === "op" && story ? story.nodes[id] : null;
    panel.append(make("h2", title || role), make("p", role, "role"));
    if (!told) {
      for (const line of tip.split("\n")) panel.append(make("p", line));
      return;
    }
    if (numbers) {
      const list = make("dl"), [place, slope] = program.nodes[id] || [];
      if (place !== undefined) {
        list.append(make("dt", "value"), make("dd", fixed(numbers[place])),
          make("dt", "∇ gradient"), make("dd", fixed(numbers[slope]), "nabla"));
      }
      panel.append(list);
      if (id in program.leaves && !hovered) panel.append(whatIf([id]));
      outcome();
      return;
    }
    const visible = !stepped || state(time).done.has(id);
    if (told.formula && visible) panel.append(make("p", told.formula, "formula"));
    const list = make("dl");
    list.append(make("dt", "value"), make("dd", visible ? told.value || text.join(" ") : "not computed yet"));
    if (told.gradient !== undefined) {
      const slope = make("dd", stepped ? nabla(id, state(time).sums).replace(/^‖?∇‖? /, "") : told.gradient, "nabla");
      list.append(make("dt", "∇ gradient"), slope);
    }
    panel.append(list);
    const used = uses[alias[id] || id];
    if (used && (!stepped || time > story.forward.length)) panel.append(chain(used, told));
    if (told.line) panel.append(make("p", told.line, "source"));
    if (program && id in program.leaves && !hovered && !stepped) {
      panel.append(whatIf([id]));
      outcome();
    }
  }
  function chain(used, told) {
    const table = make("table"), body = make("tbody");
    table.append(make("caption", "The chain rule here"));
    const head = make("thead"), row = make("tr");
    for (const word of ["used by", "local ∂", "× upstream", "= share"]) row.append(make("th", word));
    head.append(row);
    const back = stepped ? new Set(state(time).back) : null;
    for (const edge of used) {
      const line = make("tr"), arrived = !back || back.has(edge.to);
      line.append(make("td", story.nodes[edge.to].title), make("td", arrived ? edge.local ?? "(matrix)" : "…"),
        make("td", arrived ? edge.upstream : "…"), make("td", arrived ? edge.share : "…"));
      body.append(line);
    }
    table.append(head, body);
    if (used.length > 1) {
      const foot = make("tfoot"), sum = make("tr"), whole = !back || used.every((edge) => back.has(edge.to));
      const cell = make("td", "the shares add up to the gradient");
      cell.colSpan = 3;
      sum.append(cell, make("td", whole ? told.gradient : "…", "nabla"));
      foot.append(sum);
      table.append(foot);
    }
    return table;
  }
  function hints() {
    const parts = [make("h2", "What is this?"), make("p", "Point at a shape, or press Tab and follow the lines with the arrow keys: here stands what it is, its number and its gradient.", "hint")];
    if (story && level === "op") {
      parts.push(make("p", story.backward.length
        ? "Step ▶ runs the program one operation at a time: forward until the result, then backward, where each shape passes its gradient on, times its own derivative."
        : "Step ▶ runs the program one operation at a time.", "hint"));
    }
    if (data.levels.length > 1) parts.push(make("p", "Zooming in goes from layers to neurons to single operations.", "hint"));
    const keys = make("p", undefined, "hint");
    const moves = story && level === "op" ? [["N", "next step"], ["P", "step back"]] : [];
    for (const [key, word] of [...moves, ["+", "in"], ["−", "out"], ["0", "show all"]]) {
      keys.append(make("kbd", key), ` ${word}  `);
    }
    parts.push(keys);
    return parts;
  }

  if (story) mark();
  choose(level);
  for (const name of Object.keys(levels)) levels[name].svg.setAttribute("viewBox", levels[name].view.join(" "));
})();
