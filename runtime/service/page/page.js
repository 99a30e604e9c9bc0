"use strict";
// The live page: asks for the past once, then listens to /events; reads a photo through /read.

const ROWS = 50, FEW = 8;     // of the table; page.css hides those after the first few
const SILENCE_MS = 8000;      // the state comes twice a second: without it for so long, the service is gone
const RETRY_MS = 3000;
const $ = (id) => document.getElementById(id);

let source = null;            // the EventSource, while the page is visible
let last = 0;                 // id of the newest event
let heard = 0;                // when the service last said something
let lost = null;              // since when it says nothing
let now = null;               // its latest state

/* ---------- small things ---------- */

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function draw(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

function say(id, text) {      // changes what is on the page only where it differs: screen readers read each change
  const node = typeof id === "string" ? $(id) : id;
  if (node.textContent !== text) node.textContent = text;
}

const percent = (share) => `${Math.floor(share * 100)} %`;
const clock = (date) => date.toLocaleTimeString();
const sameDay = (a, b) => a.toDateString() === b.toDateString();
const moment = (date) => sameDay(date, new Date()) ? clock(date) : `${date.toLocaleDateString()} ${clock(date)}`;
const milliseconds = (seconds) => seconds === null ? "–" : `${Math.round(seconds * 1000)} ms`;

function ago(seconds) {
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= length) {
      const count = Math.floor(seconds / length);
      return `${count} ${unit}${count > 1 ? "s" : ""} ago`;
    }
  }
  return `${Math.max(0, Math.floor(seconds))} s ago`;
}

async function get(address, options = {}, patience = 60000) {
  const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(patience) });
  if (answer.status === 401) location.reload();        // to the login
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error || answer.statusText);
  return data;
}

/* ---------- what is now ---------- */

function showState(state) {
  now = state;
  showCamera();
  showReadings();
  showFigures();
  if (state.picture !== null && !document.hidden) showPicture(state.picture);
}

function showCamera() {
  const camera = now.camera || { state: "connecting" }, badge = $("camera");
  badge.hidden = false;
  badge.className = ["live", "resting"].includes(camera.state) && lost === null ? "badge live" : "badge";
  say(badge, lost === null ? camera.state : "not connected");
  let trouble = "";
  const sick = now.sinks.filter((sink) => sink.trouble).map((sink) => `${sink.name}: ${sink.trouble}`).join("; ");
  if (lost !== null) trouble = `No connection to EdgeReader since ${moment(lost)}. Trying again …`;
  else if (now.trouble && camera.state !== "connecting") trouble = capital(now.trouble) + since(camera);
  $("picture").classList.toggle("old", Boolean(trouble));
  if (!trouble) trouble = capital([sick, ...Object.values(now.missing)].filter(Boolean).join("; "));
  $("trouble").hidden = !trouble;
  say("trouble", trouble);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const since = (camera) => ["live", "resting"].includes(camera.state) ? "" : ` (since ${moment(new Date(camera.since_s * 1000))})`;

function showReadings() {
  const list = $("readings");
  const names = now.readings.map((reading) => reading.name);
  for (const item of [...list.children]) if (!names.includes(item.dataset.name)) item.remove();
  showPlottable();
  for (const reading of now.readings) {
    let item = list.querySelector(`[data-name="${reading.name}"]`);
    if (!item) {
      item = make("li", {},
        make("h3", {}, reading.name),
        make("p", { className: "value", ariaLive: "polite", ariaAtomic: "true" },
          make("span", { className: "text" }), " ", make("span", { className: "unit" })),
        make("p", { className: "about" }));
      item.dataset.name = reading.name;
      list.append(item);
    }
    const text = reading.shown ?? "–";
    say(item.querySelector(".text"), text);
    say(item.querySelector(".unit"), reading.unit);
    item.querySelector(".value").classList.toggle("long", text.length > 12);
    showAbout(item.querySelector(".about"), reading);
  }
}

function showPlottable() {
  const names = now.readings.filter((each) => each.kind !== "plate").map((each) => each.name), choice = $("plot-name");
  if (names.join() === [...choice.options].map((each) => each.value).join()) return;
  choice.replaceChildren(...names.map((name) => new Option(name)));
  $("plot-choice").hidden = names.length < 2;
  plotSoon();
}

function showAbout(line, reading) {
  if (reading.text === null) return say(line, "Nothing read yet");
  const age = ago(now.now - Date.parse(reading.at) / 1000);
  const about = `${percent(reading.confidence)} certain · ${age}`;
  const shown = line.querySelector(".unsure");
  if (line.dataset.about === about && Boolean(shown) === !reading.sure) return;
  line.dataset.about = about;
  line.replaceChildren(...(reading.sure ? [] : [make("span", { className: "unsure" }, "unsure"), " "]), about);
}

function showPicture(number) {
  const picture = $("picture");
  if (picture.dataset.number === String(number) || picture.dataset.loading) return;
  picture.dataset.loading = "1";
  const next = new Image();
  next.onload = () => {
    picture.src = next.src;
    picture.dataset.number = number;
    picture.hidden = false;
    $("no-picture").hidden = true;
    delete picture.dataset.loading;
  };
  next.onerror = () => { delete picture.dataset.loading; };
  next.src = `snapshot.jpg?n=${number}`;
}

function showFigures() {
  const camera = now.camera || {}, counts = now.counts, [p50, p99] = now.latency_s.reading;
  const [event50, event99] = now.latency_s.event;
  const figures = {
    "Frames a second": `${now.rates.frames.toFixed(1)} of ${(camera.fps || 0).toFixed(1)}`,
    "Readings a second": now.rates.crops.toFixed(1),
    "Capture to reading": `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
    "Capture to event": `${milliseconds(event50)} (p99 ${milliseconds(event99)})`,
    "Frames": `${camera.frames || 0}, ${counts.frames} looked at`,
    "Dropped": `${camera.dropped || 0}`,
    "Broken": `${camera.broken || 0}`,
    "Reconnections": `${camera.reconnects || 0}`,
    "Events": `${counts.events}`,
    "Picture": camera.size_hw ? `${camera.size_hw[1]} × ${camera.size_hw[0]}` : "–",
  };
  const list = $("figures");
  if (!list.children.length) {
    for (const name of Object.keys(figures)) list.append(make("div", {}, make("dt", {}, name), make("dd")));
  }
  Object.values(figures).forEach((text, at) => say(list.children[at].lastChild, text));
}

/* ---------- what was ---------- */

function showEvent(event, at = "first") {
  const body = $("events").tBodies[0];
  last = Math.max(last, event.id);
  if (body.querySelector(`[data-id="${event.id}"]`)) return;
  const date = new Date(event.at), row = make("tr");
  row.dataset.id = event.id;
  const shown = make("span", {}, event.shown || "no number");
  const text = make("td", { className: "text" }, shown);
  const unit = (now.readings.find((each) => each.name === event.name) || {}).unit;
  if (unit) text.append(` ${unit}`);
  if (event.note) text.append(make("span", { className: "aside" }, event.note));
  row.append(
    make("td", { className: "time" }, make("time", { dateTime: event.at }, moment(date))),
    make("td", { className: "number" }, event.name), text,
    make("td", { className: "certain" }, percent(event.confidence),
      ...(event.sure ? [] : [" ", make("span", { className: "unsure" }, "unsure")])),
    shot(event, shown));
  if (at === "first") body.prepend(row); else body.append(row);
  while (body.rows.length > ROWS) body.lastChild.remove();
  $("events").hidden = false;
  $("no-events").hidden = true;
  $("more").hidden = body.rows.length <= FEW || !$("events").classList.contains("few");
}

function showMore() {
  $("events").classList.remove("few");
  $("more").hidden = true;
}

function shot(event, shown) {
  const cell = make("td", { className: "shot" });
  if (!event.picture) return cell;
  const picture = make("img", { className: "crop", loading: "lazy", alt: `Picture of ${event.text}`, src: `crop/${event.id}` });
  const button = make("button", { type: "button", ariaLabel: `Correct ${event.text}` }, "Correct");
  button.onclick = () => correct(event, shown);
  cell.append(picture, button);
  return cell;
}

function correct(event, shown) {
  $("correction-picture").src = `crop/${event.id}`;
  $("correction-text").value = event.corrected === null ? event.text : event.corrected;
  say("correction-error", "");
  $("correction").showModal();
  $("correction-text").select();
  $("correction-form").onsubmit = async (submit) => {
    submit.preventDefault();
    const body = JSON.stringify({ id: event.id, text: $("correction-text").value });
    try {
      const done = await get("correct", { method: "POST", body, headers: { "Content-Type": "application/json" } });
      event.corrected = done.text;
      say(shown, done.shown || "no number");
      $("correction").close();
      plotSoon();
    } catch (error) {
      say("correction-error", error.message);
    }
  };
}

let plotting = null;

function plotSoon() {
  if (plotting === null) plotting = setTimeout(() => { plotting = null; plot().catch(() => {}); }, 1000);
}

async function plot() {
  const name = $("plot-name").value, hours = Number($("plot-hours").value);
  if (!name) return;
  const { points } = await get(`series?name=${encodeURIComponent(name)}&hours=${hours}`);
  const svg = $("plot"), until = now.now, from = until - hours * 3600;
  svg.toggleAttribute("hidden", points.length < 2);
  if (points.length < 2) return;
  const width = svg.clientWidth, height = svg.clientHeight, left = 8, right = width - 8, top = 22, bottom = height - 26;
  const values = points.map((each) => each[1]), low = Math.min(...values), high = Math.max(...values);
  const x = (at) => left + (right - left) * (at - from) / (until - from);
  const y = (value) => high === low ? (top + bottom) / 2 : bottom - (bottom - top) * (value - low) / (high - low);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const { decimals } = now.readings.find((each) => each.name === name) || { decimals: 0 };
  const written = (value) => value.toFixed(Math.max(decimals, (String(value).split(".")[1] || "").length));
  svg.ariaLabel = `${name}: ${points.length} values from ${written(low)} to ${written(high)}, `
    + `the last ${written(values[values.length - 1])}`;
  const middle = new Date((from + until) * 500), start = new Date(from * 1000), end = new Date(until * 1000);
  const time = (date) => hours > 24 ? date.toLocaleDateString() : date.toLocaleTimeString([], { timeStyle: "short" });
  svg.replaceChildren(
    ...[top, bottom].map((each) => draw("line", { x1: left, x2: right, y1: each, y2: each })),
    draw("text", { x: left, y: top - 6 }, written(high)),
    ...(high === low ? [] : [draw("text", { x: left, y: bottom - 6 }, written(low))]),
    draw("text", { x: left, y: height - 8 }, time(start)),
    draw("text", { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }, time(middle)),
    draw("text", { x: right, y: height - 8, "text-anchor": "end" }, time(end)),
    draw("path", { d: `M${points.map((each) => `${x(each[0]).toFixed(1)} ${y(each[1]).toFixed(1)}`).join("L")}` }),
    ...(points.length > 200 ? [] : points.map(dot)));

  function dot([at, value]) {
    const node = draw("circle", { cx: x(at), cy: y(value), r: 3.5 });
    node.append(draw("title", {}, `${written(value)}, ${moment(new Date(at * 1000))}`));
    return node;
  }
}

/* ---------- the connection ---------- */

function listen() {
  if (source || document.hidden) return;
  heard = Date.now();
  source = new EventSource(`events?after=${last}`);
  source.addEventListener("state", (message) => {
    heard = Date.now();
    lost = null;
    showState(JSON.parse(message.data));
  });
  source.addEventListener("reading", (message) => {
    heard = Date.now();
    showEvent(JSON.parse(message.data));
    plotSoon();
  });
  source.onerror = () => disconnected();
}

function disconnected() {
  if (source) source.close();
  source = null;
  if (lost === null) lost = new Date();
  showCamera();
  setTimeout(again, RETRY_MS);
}

async function again() {      // by hand: an EventSource gives up at any answer but 200
  if (source || document.hidden) return;
  try {
    await get("state", {}, SILENCE_MS);
    listen();
  } catch {
    setTimeout(again, RETRY_MS);
  }
}

function watch() {
  if (source && Date.now() - heard > SILENCE_MS) disconnected();
}

function visible() {
  if (document.hidden) {
    if (source) source.close();
    source = null;
  } else {
    again();
  }
}

async function live(state) {
  say("stream", state.stream);
  document.title = `${state.stream}: EdgeReader`;
  $("live").hidden = false;
  $("plot-name").onchange = $("plot-hours").onchange = plotSoon;
  showState(state);
  const past = await get(`history?n=${ROWS}`);
  past.events.forEach((event) => showEvent(event, "last"));
  listen();
  plotSoon();
  setInterval(watch, 1000);
  setInterval(plotSoon, 60000);
  if (state.setup) openSetup();
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("resize", plotSoon);
}

/* ---------- a photo ---------- */

async function readPhoto(file) {
  $("shown").hidden = true;
  $("found").replaceChildren();
  say("photo-status", `Reading ${file.name} …`);
  try {
    const answer = await get("read", { method: "POST", body: file });
    const count = answer.readings.length;
    say("photo-status", `${count || "No"} number${count === 1 ? "" : "s"} in ${file.name}, ${Math.round(answer.ms)} ms`);
    showFound(file, answer);
  } catch (error) {
    say("photo-status", `${file.name}: ${error.message}`);
  }
}

function showFound(file, answer) {
  const photo = $("shown-photo"), [height, width] = answer.frame_hw;
  URL.revokeObjectURL(photo.src);
  photo.onload = () => { $("shown").hidden = false; };  // what a browser cannot show (TIFF, PGM) is a list only
  photo.src = URL.createObjectURL(file);
  const boxes = $("boxes");
  boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
  boxes.replaceChildren(...answer.readings.map((each) => draw("polygon", { points: each.quad.join(" ") })));
  $("found").replaceChildren(...answer.readings.map((each) =>
    make("li", {}, make("b", {}, each.text), ` ${percent(each.confidence)} certain`)));
}

function photos() {
  const drop = $("drop"), input = $("file");
  $("photo").hidden = false;
  input.onchange = () => { if (input.files.length) readPhoto(input.files[0]); };
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) readPhoto(event.dataTransfer.files[0]);
    });
  }
}

/* ---------- begin ---------- */

async function begin() {
  $("more").onclick = showMore;
  $("correction-cancel").onclick = () => $("correction").close();
  try {
    const state = await get("state", {}, SILENCE_MS);
    photos();
    setups();
    if (state.stream !== null) await live(state);
  } catch (error) {
    $("trouble").hidden = false;
    say("trouble", `No connection to EdgeReader (${error.message}). Trying again …`);
    setTimeout(() => location.reload(), RETRY_MS);
  }
}

begin();
