"use strict";
// Setting up: regions and masks are drawn on the camera's picture, and what the stream would read there is shown.
// Shapes are polygons of [x, y], shares of the picture's width and height, as the configuration has them.

const LOOK_MS = 3000;         // without a change, the picture and what is read in it are asked for so often
const NEAR_PX = 22;           // a finger hits a corner from so far
const LEAST_PX = 8;           // a shorter stroke is a tap
const COUNTER_ONLY = ["digits", "decimals"];

let plan = null;              // {file, revision, number: [...], mask: [...]}; shapes have `own` = the person chose
let chosen = null;            // the number, or {mask: at}, that is being changed
let seen = null;              // what the last look found in it
let dragged = null;           // what a finger or the mouse does now
let looking = false, stale = false, looker = null;

const round = (value) => Math.round(Math.min(1, Math.max(0, value)) * 10000) / 10000;
const rectangle = ([left, top], [right, bottom]) => [[left, top], [right, top], [right, bottom], [left, bottom]];
const shape = () => chosen === null ? null : "mask" in chosen ? plan.mask[chosen.mask] : chosen.region;
const isMask = () => chosen !== null && "mask" in chosen;
const post = (address, body) =>
  get(address, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

function setShape(corners) {
  if (isMask()) plan.mask[chosen.mask] = corners;
  else chosen.region = corners;
}

/* ---------- open and close ---------- */

async function openSetup() {
  say("setup-trouble", "");
  try {
    plan = await get("setup");
  } catch (error) {
    say("setup-refused", `It cannot be set up here: ${error.message}.`);
    return;
  }
  plan.number.forEach((number, at) => Object.assign(number, { was: at, own: true }));
  $("live").hidden = $("photo").hidden = true;
  $("setup").hidden = false;
  say("setup-file", plan.file);
  choose(plan.number[0] || add());
  looker = setInterval(look, LOOK_MS);
}

function closeSetup() {
  clearInterval(looker);
  $("setup").hidden = true;
  $("live").hidden = $("photo").hidden = false;
  plan = chosen = seen = null;
}

function add() {
  const names = plan.number.map((number) => number.name);
  let name = "number";
  for (let count = 2; names.includes(name); count++) name = `number-${count}`;
  const made = { was: null, own: false, name, kind: "free", region: null, digits: 0, decimals: 0, unit: "" };
  plan.number.push(made);
  return made;
}

function addMask() {
  plan.mask.push([]);
  choose({ mask: plan.mask.length - 1 });
}

function remove() {
  if (isMask()) plan.mask.splice(chosen.mask, 1);
  else plan.number.splice(plan.number.indexOf(chosen), 1);
  choose(plan.number[0] || add());
}

function choose(what) {
  chosen = what;
  seen = null;
  showParts();
  showForm();
  showShapes();
  showSeen();
  look();
}

/* ---------- the form ---------- */

function showParts() {
  const part = (text, what, pressed) => {
    const button = make("button", { type: "button", ariaPressed: String(pressed) }, text);
    button.onclick = () => choose(what);
    return button;
  };
  $("setup-parts").replaceChildren(
    ...plan.number.map((number) => part(number.name || "?", number, number === chosen)),
    ...plan.mask.map((_, at) => part(`Mask ${at + 1}`, { mask: at }, isMask() && chosen.mask === at)));
}

function showForm() {
  $("setup-form").hidden = isMask();
  say("setup-hint", isMask()
    ? "Drag over what is never to be read: a date, a sticker, a display beside it."
    : "Drag over the number, a little more than its digits. Or tap a dashed box. Corners can be moved.");
  if (isMask()) return;
  for (const key of ["name", "kind", "unit", ...COUNTER_ONLY]) $(`setup-${key}`).value = chosen[key];
  showKind();
}

function showKind() {
  for (const key of COUNTER_ONLY) $(`setup-${key}`).parentElement.hidden = chosen.kind !== "counter";
}

function changed(key) {
  const field = $(`setup-${key}`);
  chosen[key] = COUNTER_ONLY.includes(key) ? Number(field.value) : field.value.trim();
  if (key !== "name" && key !== "unit") chosen.own = true;
  if (key === "kind" && chosen.kind !== "counter") chosen.digits = chosen.decimals = 0;
  if (key === "kind") showForm();
  if (key === "name") showParts();
  if (key !== "name" && key !== "unit") look();
}

/* ---------- the picture ---------- */

const size = () => [$("setup-picture").naturalWidth || 1, $("setup-picture").naturalHeight || 1];

function showShapes() {
  const [width, height] = size(), svg = $("setup-shapes"), scale = width / (svg.clientWidth || width);
  const points = (corners) => corners.map(([x, y]) => `${x * width},${y * height}`).join(" ");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const drawn = [];
  const polygon = (corners, kind) => corners && corners.length && drawn.push(draw("polygon", { points: points(corners), class: kind }));
  plan.mask.forEach((corners) => polygon(corners, "masked"));
  plan.number.forEach((number) => number !== chosen && polygon(number.region, "other"));
  if (!isMask() && !shape()) for (const each of (seen && seen.found) || []) polygon(each.quad, "offered");
  if (shape()) {
    polygon(shape(), isMask() ? "masked chosen" : "chosen");
    shape().forEach(([x, y]) => drawn.push(draw("circle", { cx: x * width, cy: y * height, r: 7 * scale })));
  }
  if (shape()) for (const each of (seen && seen.found) || []) polygon(each.quad, "read");
  svg.replaceChildren(...drawn);
}

function place(event) {
  const box = $("setup-shapes").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

function distance([x, y], [u, v]) {
  const box = $("setup-shapes").getBoundingClientRect();
  return Math.hypot((x - u) * box.width, (y - v) * box.height);
}

function inside([x, y], corners) {
  let within = false;
  corners.forEach(([ax, ay], at) => {
    const [bx, by] = corners[(at + 1) % corners.length];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) within = !within;
  });
  return within;
}

function press(event) {
  if (!event.isPrimary || event.button) return;
  event.preventDefault();
  $("setup-shapes").setPointerCapture(event.pointerId);
  const at = place(event), corners = shape() || [];
  const near = corners.map((corner) => distance(corner, at)), nearest = near.indexOf(Math.min(...near));
  const corner = near[nearest] <= NEAR_PX ? nearest : null;
  dragged = { from: at, before: corners, corner, whole: corner === null && inside(at, corners), moved: false };
}

function move(event) {
  if (dragged === null) return;
  const at = place(event), { from, before, corner, whole } = dragged;
  if (!dragged.moved && distance(from, at) < LEAST_PX) return;
  dragged.moved = true;
  if (corner !== null) setShape(before.map((each, index) => index === corner ? at.map(round) : each));
  else if (whole) setShape(shifted(before, at[0] - from[0], at[1] - from[1]));
  else setShape(rectangle([0, 1].map((axis) => round(Math.min(from[axis], at[axis]))),
                          [0, 1].map((axis) => round(Math.max(from[axis], at[axis])))));
  seen = null;
  showShapes();
}

function shifted(corners, x, y) {      // not beyond the picture's edge
  const keep = (by, axis) => Math.max(-Math.min(...corners.map((each) => each[axis])),
    Math.min(by, 1 - Math.max(...corners.map((each) => each[axis]))));
  return corners.map((each) => [round(each[0] + keep(x, 0)), round(each[1] + keep(y, 1))]);
}

function release(event) {
  if (dragged === null) return;
  const { from, moved } = dragged;
  dragged = null;
  if (event.type === "pointercancel") return showShapes();
  const offered = !moved && !isMask() && !shape() && ((seen && seen.found) || []).find((each) => inside(from, each.quad));
  if (offered) setShape(around(offered.quad));
  if (moved || offered) look();
}

function around(quad) {                // with some room: the next value may be wider, and the camera may move
  const [xs, ys] = [0, 1].map((axis) => quad.map((each) => each[axis]));
  const [width, height] = size(), room = 0.35 * (Math.max(...ys) - Math.min(...ys)) * height;
  return rectangle([round(Math.min(...xs) - room / width), round(Math.min(...ys) - room / height)],
                   [round(Math.max(...xs) + room / width), round(Math.max(...ys) + room / height)]);
}

/* ---------- what is read there ---------- */

async function look() {
  if (looking) { stale = true; return; }
  if (plan === null || dragged !== null || document.hidden) return;
  looking = true;
  stale = false;
  const subject = chosen;
  try {
    await showFrame();
    if (!isMask() && plan !== null) {
      const { kind, region, digits, decimals } = subject;
      const mask = plan.mask.filter((corners) => corners.length);
      const found = await post("setup/look", { number: { kind, region, digits, decimals }, mask });
      if (plan !== null && subject === chosen && dragged === null) takeFound(found);
    }
    if (plan !== null) say("setup-trouble", "");
  } catch (error) {
    say("setup-trouble", capital(error.message));
  } finally {
    looking = false;
    if (stale) look();
  }
}

function showFrame() {
  const picture = $("setup-picture"), next = new Image();
  return new Promise((done, fail) => {
    next.onload = () => { picture.src = next.src; picture.decode().catch(() => {}).finally(() => { if (plan) showShapes(); done(); }); };
    next.onerror = () => fail(new Error("no picture came; is the camera there?"));
    next.src = `setup/frame.jpg?n=${Date.now()}`;
  });
}

function takeFound(found) {
  seen = found;
  const { proposal } = found;
  if (shape() && proposal && !chosen.own) {
    const before = [chosen.kind, chosen.digits, chosen.decimals].join();
    Object.assign(chosen, proposal);
    if (before !== [chosen.kind, chosen.digits, chosen.decimals].join()) {
      showForm();
      stale = true;                    // to show the value with them
    }
  }
  showShapes();
  showSeen();
}

function showSeen() {
  const cut = $("setup-cut"), best = seen && seen.found[0];
  cut.hidden = !(seen && seen.cut);
  if (!cut.hidden) {
    URL.revokeObjectURL(cut.src);
    cut.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(seen.cut), (each) => each.charCodeAt(0))]));
  }
  say("setup-value", isMask() || !seen || !shape() ? "" : best ? best.shown : "–");
  say("setup-about", isMask() || !seen ? "" : !best ? "Nothing is read here"
    : shape() ? `${percent(best.confidence)} certain` : `${seen.found.length} found in the whole picture: tap one, or draw`);
}

/* ---------- save ---------- */

async function save(event) {
  event.preventDefault();
  const number = plan.number
    .filter((each) => each.was !== null || each.region || each.own)
    .map(({ was, name, kind, region, digits, decimals, unit }) => ({ was, name, kind, region, digits, decimals, unit }));
  const mask = plan.mask.filter((corners) => corners.length);
  try {
    await post("setup", { revision: plan.revision, number, mask });
    closeSetup();
  } catch (error) {
    say("setup-trouble", capital(error.message));
  }
}

function setups() {
  const shapes = $("setup-shapes");
  $("setup-open").onclick = openSetup;
  $("setup-cancel").onclick = closeSetup;
  $("setup-add").onclick = () => choose(add());
  $("setup-mask").onclick = addMask;
  $("setup-remove").onclick = remove;
  $("setup-save").onsubmit = save;
  for (const key of ["name", "kind", "unit", ...COUNTER_ONLY]) $(`setup-${key}`).oninput = () => changed(key);
  shapes.onpointerdown = press;
  shapes.onpointermove = move;
  shapes.onpointerup = shapes.onpointercancel = release;
  window.addEventListener("resize", () => { if (plan) showShapes(); });
}
