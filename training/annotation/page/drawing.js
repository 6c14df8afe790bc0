// What a canvas shows of an instance: the image, a mask, the box and the points.
// Image coordinates are pixels with the origin at the image's top-left corner.

const MASK = [255, 176, 0];
const BOX_COLOUR = "#78c8ff";
const POINT_COLOURS = ["#ff5252", "#2ee59d"];
const CONTEXT = 0.35;

/** A mask as a small picture and an outline along pixel edges, both in image coordinates. */
export class Mask {
  constructor(candidate) {
    [this.left, this.top, this.width, this.height] = candidate.window;
    if (!this.width) return;
    const inside = decoded(candidate.runs, this.width * this.height);
    this.picture = filled(inside, this.width, this.height);
    this.outline = outlined(inside, this);
  }
}

function decoded(runs, length) {
  const inside = new Uint8Array(length);
  let at = 0;
  runs.forEach((run, index) => {
    if (index % 2) inside.fill(1, at, at + run);
    at += run;
  });
  return inside;
}

function filled(inside, width, height) {
  const picture = new OffscreenCanvas(width, height);
  const context = picture.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < inside.length; i++) {
    if (inside[i]) pixels.data.set([...MASK, 96], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return picture;
}

function outlined(inside, { left, top, width, height }) {
  const path = new Path2D();
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x] === 1;
  const trace = (lines, length, differs, line) => {
    for (let a = 0; a <= lines; a++) {
      for (let b = 0, start = -1; b <= length; b++) {
        const isEdge = b < length && differs(a, b);
        if (isEdge && start < 0) start = b;
        if (!isEdge && start >= 0) { line(a, start, b); start = -1; }
      }
    }
  };
  trace(height, width, (y, x) => at(x, y) !== at(x, y - 1), (y, from, to) => {
    path.moveTo(left + from, top + y);
    path.lineTo(left + to, top + y);
  });
  trace(width, height, (x, y) => at(x, y) !== at(x - 1, y), (x, from, to) => {
    path.moveTo(left + x, top + from);
    path.lineTo(left + x, top + to);
  });
  return path;
}

/** The part of the image that shows a box and its masks with some ground around them. */
export function windowAround(box, masks, width, height) {
  let [x0, y0, x1, y1] = box;
  for (const mask of masks.filter((each) => each.width)) {
    x0 = Math.min(x0, mask.left); x1 = Math.max(x1, mask.left + mask.width);
    y0 = Math.min(y0, mask.top); y1 = Math.max(y1, mask.top + mask.height);
  }
  const margin = CONTEXT * Math.max(x1 - x0, y1 - y0, 24);
  return [Math.max(0, x0 - margin), Math.max(0, y0 - margin),
    Math.min(width, x1 + margin), Math.min(height, y1 + margin)];
}

/** Which part of the image a canvas shows, and how large. */
export class Camera {
  scale = 1; x = 0; y = 0;

  fit([x0, y0, x1, y1], canvas) {
    this.scale = Math.min(canvas.clientWidth / (x1 - x0), canvas.clientHeight / (y1 - y0));
    this.x = (x0 + x1 - canvas.clientWidth / this.scale) / 2;
    this.y = (y0 + y1 - canvas.clientHeight / this.scale) / 2;
  }

  toImage(event, canvas) {
    const frame = canvas.getBoundingClientRect();
    return [this.x + (event.clientX - frame.left) / this.scale, this.y + (event.clientY - frame.top) / this.scale];
  }

  zoom(factor, [x, y]) {
    const scale = Math.min(64, Math.max(0.05, this.scale * factor));
    this.x = x - (x - this.x) * this.scale / scale;
    this.y = y - (y - this.y) * this.scale / scale;
    this.scale = scale;
  }

  move(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }
}

/** Draws a scene {image, box, mask, points, numSent} as the camera sees it. */
export function draw(canvas, camera, scene) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  const context = canvas.getContext("2d");
  const scale = camera.scale * ratio;
  context.setTransform(scale, 0, 0, scale, -camera.x * scale, -camera.y * scale);
  context.imageSmoothingEnabled = camera.scale < 3;
  if (scene.image) context.drawImage(scene.image, 0, 0);
  if (scene.mask?.width) drawMask(context, scene.mask, 1.6 / camera.scale);
  drawBox(context, scene.box, 1.5 / camera.scale);
  (scene.points ?? []).forEach((point, index) => {
    drawPoint(context, point, camera.scale, index >= scene.numSent);
  });
}

function drawMask(context, mask, line) {
  const smoothing = context.imageSmoothingEnabled;
  context.imageSmoothingEnabled = false;
  context.drawImage(mask.picture, mask.left, mask.top);
  context.imageSmoothingEnabled = smoothing;
  context.lineCap = "square";
  context.strokeStyle = "#000a"; context.lineWidth = 2 * line;
  context.stroke(mask.outline);
  context.strokeStyle = `rgb(${MASK})`; context.lineWidth = line;
  context.stroke(mask.outline);
}

function drawBox(context, [x0, y0, x1, y1], line) {
  context.strokeStyle = "#000a"; context.lineWidth = 2 * line;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.strokeStyle = BOX_COLOUR; context.lineWidth = line;
  context.setLineDash([6 * line, 4 * line]);
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.setLineDash([]);
}

function drawPoint(context, { x, y, label }, scale, isNew) {
  const radius = 7 / scale;
  context.beginPath();
  context.arc(x + 0.5, y + 0.5, radius, 0, 2 * Math.PI);
  context.strokeStyle = "#000"; context.lineWidth = (isNew ? 5 : 3) / scale; context.stroke();
  if (isNew) { context.strokeStyle = "#fff"; context.lineWidth = 3 / scale; context.stroke(); }
  context.fillStyle = POINT_COLOURS[label]; context.fill();
  context.beginPath();
  context.moveTo(x + 0.5 - radius / 2, y + 0.5); context.lineTo(x + 0.5 + radius / 2, y + 0.5);
  if (label) { context.moveTo(x + 0.5, y + 0.5 - radius / 2); context.lineTo(x + 0.5, y + 0.5 + radius / 2); }
  context.strokeStyle = "#000"; context.lineWidth = 2 / scale; context.stroke();
}

/** Draws one bar for every instance, or for several where there are more than pixels. */
export function drawStrip(canvas, statuses, current) {
  const colours = { p: "#3a4048", a: "#3ecf8e", d: "#b5484d" };
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const context = canvas.getContext("2d");
  const step = canvas.width / statuses.length;
  for (let x = 0; x < canvas.width; x++) {
    context.fillStyle = colours[statuses[Math.min(statuses.length - 1, Math.floor(x / step))]];
    context.fillRect(x, 0, 1, canvas.height);
  }
  context.fillStyle = "#fff";
  context.fillRect(Math.min(canvas.width - 3, current * step), 0, Math.max(3, Math.min(step, 6)), canvas.height);
}
