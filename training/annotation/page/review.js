// The review page: shows an instance, takes a person's decision, goes on to the next.

import { Camera, Mask, draw, drawStrip, windowAround } from "./drawing.js";

const $ = (id) => document.getElementById(id);
const view = $("view");
const camera = new Camera();
const NUM_MASKS = 3;
const DRAG_PX = 4;

let project = null;      // what the server says of the whole
let instance = null;     // what it says of the one that is shown
let image = null;        // its picture, once it is there
let masks = [];
let chosen = 0;          // the mask that is shown large and goes into a retry
let points = [];         // all points; the first numSent of them have been asked about
let numSent = 0;
let isBusy = false;
let isMaskHidden = false;
let isWhole = false;

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The command has ended. Everything is saved: start it again to go on.");
  }
  const content = await answer.json().catch(() => ({ error: "The command failed; its terminal says why." }));
  if (!answer.ok) throw new Error(content.error);
  return content;
}

/** Runs one step at a time and shows what went wrong with it. */
async function step(work) {
  if (isBusy) return;
  isBusy = true;
  const spinner = setTimeout(() => { $("busy").hidden = false; }, 150);
  $("message").hidden = true;
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  } finally {
    clearTimeout(spinner);
    $("busy").hidden = true;
    isBusy = false;
  }
}

function say(text, isError = false) {
  $("message").textContent = text;
  $("message").className = isError ? "error" : "";
  $("message").hidden = false;
}

async function show(number) {
  const shown = await ask(`instances/${number}`);
  if (instance?.image !== shown.image) loadImage(shown.image);
  const isSame = instance?.number === shown.number;
  instance = shown;
  masks = shown.candidates.map((candidate) => new Mask(candidate));
  chosen = shown.mask ?? best(shown.candidates);
  points = shown.points.map(([x, y], index) => ({ x, y, label: shown.labels[index] }));
  numSent = points.length;
  $("end").hidden = true;
  writeTexts();
  if (!isSame) { isWhole = false; fit(); }
  render();
}

function best(candidates) {
  return candidates.reduce((found, each, index) => (each.iou > candidates[found].iou ? index : found), 0);
}

function loadImage(number) {
  image = null;
  const loading = new Image();
  loading.onload = () => { if (instance?.image === number) { image = loading; render(); } };
  loading.onerror = () => { if (instance?.image === number) say("The image can't be read.", true); };
  loading.src = `images/${number}`;
}

function writeTexts() {
  $("text").textContent = instance.text;
  $("class").textContent = instance.name;
  $("status").className = `chip ${instance.status}`;
  const mask = instance.mask === null ? "" : ` mask ${instance.mask + 1}`;
  $("status").textContent = instance.status === "pending" ? "" : `${instance.status}${mask}`;
  const round = instance.round ? ` · attempt ${instance.round + 1}` : "";
  $("place").textContent = `${instance.id} · ${instance.file}${round}`;
  document.title = `${instance.id} – ${project.name}`;
  instance.candidates.forEach((candidate, index) => {
    const [iou, stability, area] = cards[index].querySelectorAll("b");
    iou.textContent = candidate.iou.toFixed(2);
    stability.textContent = candidate.stability.toFixed(2);
    area.textContent = candidate.area.toLocaleString("en");
    cards[index].classList.toggle("kept", instance.mask === index);
  });
}

function writeProgress() {
  const { accepted, dropped, pending } = project.counts;
  $("done").textContent = accepted + dropped;
  $("total").textContent = accepted + dropped + pending;
  $("accepted").textContent = accepted;
  $("dropped").textContent = dropped;
}

function fit() {
  const { box, width, height } = instance;
  camera.fit(isWhole ? [0, 0, width, height] : windowAround(box, masks, width, height), view);
}

function render() {
  if (!instance) return;
  const scene = { image, box: instance.box };
  draw(view, camera, { ...scene, mask: isMaskHidden ? null : masks[chosen], points, numSent });
  const around = windowAround(instance.box, masks, instance.width, instance.height);
  cards.forEach((card, index) => {
    card.classList.toggle("chosen", index === chosen);
    const canvas = card.querySelector("canvas");
    const small = new Camera();
    small.fit(around, canvas);
    draw(canvas, small, { ...scene, mask: masks[index] });
  });
  $("retry").classList.toggle("ready", points.length > numSent);
  drawStrip($("strip"), project.statuses, instance.number);
}

function take(answer, status) {
  project.counts = answer.counts;
  const at = answer.number;
  project.statuses = project.statuses.slice(0, at) + status + project.statuses.slice(at + 1);
  writeProgress();
}

const accept = (mask) => step(async () => {
  const answer = await ask(`instances/${instance.number}/accept`, { mask });
  take(answer, "a");
  await goOn(answer.next);
});

const drop = () => step(async () => {
  const answer = await ask(`instances/${instance.number}/drop`, {});
  take(answer, "d");
  await goOn(answer.next);
});

const retry = () => step(async () => {
  if (points.length === numSent) {
    throw new Error("Add a point first: click what belongs to the object, right-click what doesn't.");
  }
  const asked = { base: chosen, points: points.map(({ x, y }) => [x, y]), labels: points.map(({ label }) => label) };
  take(await ask(`instances/${instance.number}/retry`, asked), "p");
  await show(instance.number);
});

const undo = () => step(async () => {
  if (points.length > numSent) {
    points.pop();
    render();
    return;
  }
  const answer = await ask("undo", {});
  if (answer.number === null) throw new Error("There is nothing to undo.");
  await refresh();
  await show(answer.number);
});

async function refresh() {
  project = await ask("project");
  writeProgress();
}

async function goOn(next) {
  if (next === null) {
    await show(instance.number);
    const { accepted, dropped } = project.counts;
    $("end_counts").textContent = `${accepted} accepted, ${dropped} dropped.`;
    $("end").hidden = false;
  } else {
    await show(next);
  }
}

const goTo = (number) => step(async () => {
  const total = project.statuses.length;
  await show((number + total) % total);
});

const goToNextOpen = () => step(async () => {
  const open = project.statuses.indexOf("p", instance.number + 1);
  const next = open < 0 ? project.statuses.indexOf("p") : open;
  await goOn(next < 0 ? null : next);
});

function choose(index) {
  chosen = (index + NUM_MASKS) % NUM_MASKS;
  render();
}

function hideMask(isHidden) {
  isMaskHidden = isHidden;
  render();
}

const KEYS = {
  1: () => accept(0), 2: () => accept(1), 3: () => accept(2),
  Enter: () => accept(chosen),
  r: retry, d: drop, u: undo, n: goToNextOpen,
  ArrowLeft: () => goTo(instance.number - 1), ArrowRight: () => goTo(instance.number + 1),
  ArrowUp: () => choose(chosen - 1), ArrowDown: () => choose(chosen + 1),
  f: () => { isWhole = !isWhole; fit(); render(); },
  h: () => hideMask(true),
};

function onKey(event) {
  if (event.ctrlKey && event.key === "z") { event.preventDefault(); undo(); return; }
  if (event.ctrlKey || event.altKey || event.metaKey || !instance) return;
  if (event.key === "Enter" && event.target.tagName === "BUTTON") return;
  const action = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!action || (event.repeat && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  action();
}

function addPoint(event) {
  const [x, y] = camera.toImage(event, view).map(Math.floor);
  if (isBusy || x < 0 || y < 0 || x >= instance.width || y >= instance.height) return;
  points.push({ x, y, label: event.button === 2 || event.shiftKey ? 0 : 1 });
  render();
}

function listenToView() {
  let pressed = null;
  view.addEventListener("pointerdown", (event) => {
    pressed = { x: event.clientX, y: event.clientY, isDrag: event.button === 1 };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!instance) return;
    const [x, y] = camera.toImage(event, view).map(Math.floor);
    $("cursor").textContent = `${x}, ${y} · ${Math.round(camera.scale * 100)} %`;
    if (!pressed) return;
    const far = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > DRAG_PX;
    if (!pressed.isDrag && !far) return;
    view.classList.add("moving");
    camera.move(event.clientX - pressed.x, event.clientY - pressed.y);
    pressed = { x: event.clientX, y: event.clientY, isDrag: true };
    render();
  });
  view.addEventListener("pointerup", (event) => {
    if (pressed && !pressed.isDrag && instance) addPoint(event);
    pressed = null;
    view.classList.remove("moving");
  });
  view.addEventListener("pointercancel", () => { pressed = null; view.classList.remove("moving"); });
  view.addEventListener("contextmenu", (event) => event.preventDefault());
  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!instance) return;
    camera.zoom(Math.exp(-event.deltaY / 400), camera.toImage(event, view));
    render();
  }, { passive: false });
}

function makeCard(index) {
  const card = document.createElement("div");
  card.className = "card";
  card.innerHTML = `<canvas></canvas><div class="figures"><span>IoU <b></b></span>
    <span>stability <b></b></span><span><b></b> px</span><button class="accept"><kbd></kbd>Accept</button></div>`;
  card.querySelector("kbd").textContent = index + 1;
  card.addEventListener("click", () => choose(index));
  card.querySelector("button").addEventListener("click", (event) => { event.stopPropagation(); accept(index); });
  $("cards").append(card);
  return card;
}

const cards = Array.from({ length: NUM_MASKS }, (_, index) => makeCard(index));
listenToView();
document.addEventListener("keydown", onKey);
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "h") hideMask(false); });
window.addEventListener("resize", () => { if (instance) { fit(); render(); } });
$("retry").addEventListener("click", retry);
$("drop").addEventListener("click", drop);
$("undo").addEventListener("click", undo);
$("stay").addEventListener("click", () => { $("end").hidden = true; });
$("strip").addEventListener("click", (event) => {
  goTo(Math.floor(event.offsetX / $("strip").clientWidth * project.statuses.length));
});

step(async () => {
  await refresh();
  if (project.first === null) {
    await show(0);
    await goOn(null);
  } else {
    await show(project.first);
  }
});
