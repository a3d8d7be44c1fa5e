"use strict";

// One picture is asked for at a time, the next one when this one is on the screen: whoever is slow gets fewer.
const COLOURS = ["#3ddc84", "#4cc2ff", "#ffb02e", "#ff6fb5", "#b79bff", "#f4e04d", "#ff7a59", "#7ff0e0"];
const SMALLEST_PX = 6, HISTORY = 120, RETRY_MS = [500, 1000, 2000, 4000];
const element = (id) => document.getElementById(id);
const canvas = element("picture"), pen = canvas.getContext("2d");
const scores = new Map();
let viewer = newName(), state = null, picture = null, drag = null, redrawn = null, failures = 0, noticeTimer = 0, over = false;
const leaving = new AbortController(); // once the box is agreed to, nobody answers

function newName() {
  return Math.random().toString(36).slice(2, 12);
}

async function ask(path, method = "GET", body = undefined) {
  const signal = method === "GET" ? leaving.signal : undefined;
  const answer = await fetch(path, { method, body: body && JSON.stringify(body), cache: "no-store", signal })
    .catch(() => { throw new Error("the device does not answer"); });
  if (answer.status === 403) throw new Error((await answer.json()).error);
  return answer;
}

// Commands

async function command(path, method = "POST", body = undefined) {
  try {
    const answer = await ask(path, method, body), value = await answer.json();
    if (!answer.ok) notice(value.error);
    return answer.ok ? value : null;
  } catch (error) {
    notice(`Not done: ${error.message}.`);
    return null;
  }
}

async function select(box) {
  const number = redrawn ?? (choosing() && state.targets.length ? state.targets[0].id : null);
  const place = number === null ? "targets" : `targets/${number}`;
  const shown = `viewer=${viewer}&view=${state.view}`;
  const done = await command(`${place}?${shown}`, "POST", { box });
  if (!done) return;
  scores.delete(done.id);
  aim(null);
  if (done.warnings.length) notice(`Look at the box again: ${done.warnings.join("; ")}.`, 15000);
}

function choosing() {
  return state !== null && state.model === null;
}

function aim(number) {
  redrawn = number;
  element("cancel").hidden = number === null;
  hint();
}

// Pictures

async function follow() {
  while (!over) {
    if (document.hidden || drag) {
      await pause(drag ? 300 : 500);
      if (drag) await ask(`state?viewer=${viewer}`).catch(() => null);
      continue;
    }
    try {
      await next();
      if (failures) connected();
    } catch (error) {
      if (over) return;
      disconnected(error);
      await pause(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
    }
  }
}

async function next() {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const answer = await ask(`frame?viewer=${viewer}&after=${failures || !state ? 0 : state.view}&width=${width}`);
  if (!answer.ok) throw new Error((await answer.json()).error);
  const told = JSON.parse(answer.headers.get("Cdedge-State"));
  const seen = answer.status === 200 ? await createImageBitmap(await answer.blob()) : null;
  if (drag) return; // what was under the pen stays
  if (seen) {
    if (picture) picture.close();
    picture = seen;
  }
  state = told;
  remember();
  show();
}

function connected() {
  failures = 0;
  show();
}

function disconnected(error) {
  failures += 1;
  viewer = newName();
  const pill = element("status");
  pill.className = "pill offline";
  pill.textContent = "not connected";
  element("hint").textContent = `Not connected, trying again: ${error.message}`;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function remember() {
  for (const target of state.targets) {
    const past = scores.get(target.id) ?? [];
    if (past.at(-1)?.view === state.frame) continue;
    past.push({ view: state.frame, score: target.score });
    scores.set(target.id, past.slice(-HISTORY));
  }
  for (const id of scores.keys()) if (!state.targets.some((t) => t.id === id)) scores.delete(id);
}

// What is on the screen

const STATUS = { waiting: "waiting for a target", running: "running", paused: "paused", ended: "ended", failed: "stopped" };

function show() {
  draw();
  words();
  targets();
  hint();
}

function draw() {
  const scale = Math.max(1, Math.ceil(canvas.clientWidth * devicePixelRatio) / state.width_px);
  const width = Math.round(state.width_px * scale), height = Math.round(state.height_px * scale);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  if (picture) pen.drawImage(picture, 0, 0, width, height);
  const line = Math.max(2, (2.5 * width) / canvas.clientWidth);
  for (const target of state.targets) outline(target, scale, line);
  if (drag) {
    const [x, y, w, h] = dragged(), colour = colourOf(redrawn ?? 0);
    stroke([x, y, w, h], scale, line, redrawn ? colour : "#fff", [line * 3, line * 2]);
    label(`${Math.round(w)} × ${Math.round(h)}`, x * scale, y * scale, line, "#fff");
  }
}

function outline(target, scale, line) {
  const colour = colourOf(target.id);
  stroke(target.box, scale, line, colour, target.lost ? [line * 3, line * 2] : []);
  const score = target.lost ? "lost" : target.score === null ? "" : target.score.toFixed(2);
  label(`${target.id}  ${score}`.trim(), target.box[0] * scale, target.box[1] * scale, line, colour);
}

function stroke(box, scale, line, colour, dash) {
  const place = box.map((v) => v * scale);
  pen.setLineDash([]);
  pen.lineWidth = line * 2;
  pen.strokeStyle = "rgb(0 0 0 / 55%)";
  pen.strokeRect(...place);
  pen.setLineDash(dash);
  pen.lineWidth = line;
  pen.strokeStyle = colour;
  pen.strokeRect(...place);
  pen.setLineDash([]);
}

function label(text, x, y, line, colour) {
  const size = line * 6;
  pen.font = `600 ${size}px system-ui, sans-serif`;
  const width = pen.measureText(text).width + size * 0.8, height = size * 1.45;
  const left = Math.min(Math.max(x - line, 0), canvas.width - width), top = y < height ? Math.max(y, 0) : y - height;
  pen.fillStyle = colour;
  pen.fillRect(left, top, width, height);
  pen.fillStyle = "#0d0f11";
  pen.textBaseline = "middle";
  pen.fillText(text, left + size * 0.4, top + height / 2);
}

function colourOf(id) {
  return COLOURS[(id - 1 + COLOURS.length) % COLOURS.length];
}

function words() {
  const text = (id, value) => { if (element(id).textContent !== value) element(id).textContent = value; };
  document.title = `${state.source} · cdedge`;
  text("source", state.source);
  text("model", choosing() ? "Choose the target" : state.model);
  const silent = state.link === "lost" && state.status === "running";
  const drawn = choosing() && state.targets.length > 0;
  text("status", silent ? "no picture" : drawn ? "box drawn" : STATUS[state.status]);
  element("status").className = `pill ${silent ? "offline" : state.status}`;
  text("size", `In pixels or per cent; the frame is ${state.width_px} × ${state.height_px}.`);
  text("fps", state.fps === null ? "–" : `${state.fps.toFixed(1)} fps`);
  text("latency", state.latency_ms === null ? "–" : `${state.latency_ms.toFixed(1)} ms`);
  text("memory", state.memory_bytes === null ? "–" : `${(state.memory_bytes / 1e6).toFixed(0)} MB`);
  text("frame", String(state.frame + 1));
  text("skipped", String(state.skipped_frames));
  text("reconnects", String(state.reconnects));
  text("viewers", String(state.viewers));
  const over = state.status === "ended" || state.status === "failed";
  text("pause", state.status === "running" ? "Pause" : "Play");
  element("pause").hidden = over || (choosing() && !state.live);
  element("again").hidden = !over;
  element("agree").hidden = !choosing();
  element("agree").disabled = state.targets.length === 0;
  element("live").hidden = !state.live;
  element("link").hidden = state.link === null;
  element("figures").hidden = choosing();
  element("none").hidden = state.targets.length > 0;
}

function hint() {
  if (!state || failures) return;
  let text = "";
  if (redrawn !== null) text = `Drag the new box of target ${redrawn}`;
  else if (state.link === "lost" && state.status === "running") text = "The source is lost: waiting for it to come back";
  else if (state.status === "failed") text = state.error;
  else if (state.status === "ended") text = state.live ? "The source has ended" : "The end of the recording";
  else if (choosing() && state.targets.length) text = "Drag again to correct it, then use this box";
  else if (!state.targets.length) text = state.status === "waiting" && !choosing()
    ? "Drag a box around the target: then it starts" : "Drag a box around the target";
  element("hint").textContent = drag ? "" : text;
}

function targets() {
  const list = element("targets");
  for (const item of [...list.children]) if (!state.targets.some((t) => String(t.id) === item.dataset.id)) item.remove();
  for (const target of state.targets) fill(list.querySelector(`[data-id="${target.id}"]`) ?? entry(list, target.id), target);
}

function entry(list, id) {
  const item = element("target").content.firstElementChild.cloneNode(true);
  item.dataset.id = id;
  item.querySelector(".swatch").style.color = colourOf(id);
  item.querySelector("strong").textContent = `Target ${id}`;
  item.querySelector(".redo").addEventListener("click", () => aim(id));
  item.querySelector(".remove").addEventListener("click", () => command(`targets/${id}`, "DELETE"));
  item.querySelector(".redo").hidden = choosing();
  list.append(item);
  return item;
}

function fill(item, target) {
  item.classList.toggle("lost", target.lost);
  item.querySelector(".found").textContent = choosing() ? "" : target.lost ? "lost" : "found";
  item.querySelector("output").textContent = target.score === null ? "" : `score ${target.score.toFixed(2)}`;
  item.querySelector(".box").textContent = `box ${target.box.map((v) => Math.round(v * 10) / 10).join(", ")}`;
  const past = (scores.get(target.id) ?? []).map((p) => p.score).filter((s) => s !== null);
  const points = past.map((s, i) => `${(i * 120) / (HISTORY - 1)},${24 - 20 * s}`);
  item.querySelector("polyline").setAttribute("points", points.join(" "));
  item.querySelector("svg").style.display = choosing() ? "none" : "";
}

function notice(text, ms = 6000) {
  clearTimeout(noticeTimer);
  element("notice").textContent = text;
  element("notice").hidden = false;
  noticeTimer = setTimeout(() => { element("notice").hidden = true; }, ms);
}

// Drawing a box

function pixel(event) {
  const place = canvas.getBoundingClientRect(), scale = Math.min(place.width / state.width_px, place.height / state.height_px);
  const x = (event.clientX - place.left - (place.width - state.width_px * scale) / 2) / scale;
  const y = (event.clientY - place.top - (place.height - state.height_px * scale) / 2) / scale;
  return [Math.min(Math.max(x, 0), state.width_px), Math.min(Math.max(y, 0), state.height_px)];
}

function dragged() {
  const [[x0, y0], [x1, y1]] = [drag.from, drag.to];
  return [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
}

canvas.addEventListener("pointerdown", (event) => {
  if (!picture || failures || event.button !== 0 || drag) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  drag = { pointer: event.pointerId, from: pixel(event), to: pixel(event) };
  command(`hold?viewer=${viewer}`);
  hint();
});

canvas.addEventListener("pointermove", (event) => {
  if (drag?.pointer !== event.pointerId) return;
  drag.to = pixel(event);
  draw();
});

canvas.addEventListener("pointerup", (event) => {
  if (drag?.pointer !== event.pointerId) return;
  const box = dragged().map((v) => Math.round(v * 10) / 10);
  finish(box);
});

canvas.addEventListener("pointercancel", (event) => { if (drag?.pointer === event.pointerId) finish(null); });

async function finish(box) {
  if (drag.done) return;
  drag.done = true;
  const large = box !== null && Math.min(box[2], box[3]) >= SMALLEST_PX;
  if (box !== null && !large) notice(`That box is ${box[2]} × ${box[3]} px: drag one of at least ${SMALLEST_PX} px each way.`);
  if (large) await select(box);
  else await command(`release?viewer=${viewer}`);
  drag = null;
  draw();
  hint();
}

element("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!state) return;
  const whole = [state.width_px, state.height_px, state.width_px, state.height_px];
  const box = element("numbers").value.split(/[,\s]+/).filter(Boolean)
    .map((word, i) => (word.endsWith("%") ? (parseFloat(word) * whole[i]) / 100 : Number(word)));
  if (box.length !== 4 || box.some((v) => !Number.isFinite(v))) notice("Type four numbers: x,y,w,h, like 312,140,60,48.");
  else select(box);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  aim(null);
  if (drag) finish(null);
});
element("pause").addEventListener("click", () => command(state.status === "running" ? "pause" : "play"));
element("reset").addEventListener("click", () => { aim(null); command("reset"); });
element("again").addEventListener("click", () => command("again"));
element("cancel").addEventListener("click", () => aim(null));
element("agree").addEventListener("click", async () => {
  over = true;
  leaving.abort();
  if (await command("agree")) document.body.replaceChildren(Object.assign(document.createElement("p"), { id: "done", textContent: "Thank you: cdedge goes on with this box. You can close this page." }));
});
addEventListener("pagehide", () => over || navigator.sendBeacon(`leave?viewer=${viewer}`));
addEventListener("resize", () => { if (state && !failures && !over) show(); });
follow();
