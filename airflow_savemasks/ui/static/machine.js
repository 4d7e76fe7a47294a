// A machine mask on a canvas: grays stretched so that they can be seen, or in the classes' colors; values on hover.

import { h, fill } from "./dom.js";
import { decodePng } from "./png.js";

const MOST_PIXELS = 16_000_000; // that are drawn; a larger mask is shown smaller, with values that it has
const SMALLER = 4096;
const SPARE = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];

// One number for a pixel's values: classes are known by it.
const key = (a, b, c) => a * 4294967296 + b * 65536 + c;

// The classes that a machine mask can show: several may share one value, and are switched together.
export function legendOf(classes) {
  const groups = new Map();
  classes.forEach((one, at) => {
    if (!one.machine) return;
    const [a, b, c] = one.machine;
    const known = groups.get(key(a, b, c));
    if (known) known.names.push(one.name);
    else groups.set(key(a, b, c), { names: [one.name], values: one.machine, color: one.human || SPARE[at % 7], shown: true });
  });
  return groups;
}

export class MachineView {
  constructor(legend) {
    this.legend = legend;
    this.canvas = h("canvas", { class: "fit crisp", role: "img" });
    this.value = h("output", { class: "value", "aria-live": "off" }, "Point at the mask to read its values");
    this.colored = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.note = h("p", { class: "quiet" });
    this.element = h(
      "div",
      { class: "stage" },
      this.canvas,
      h("p", { class: "row" }, h("label", {}, this.colored, " classes in their colors"), this.value),
      this.note,
    );
    this.canvas.addEventListener("pointermove", (event) => this.tell(event));
  }

  async show(task, item) {
    const large = item.width * item.height > MOST_PIXELS;
    const answer = await fetch(task.file(item, "machine", large ? SMALLER : 0));
    if (!answer.ok) throw new Error("The machine mask cannot be read");
    this.image = await decodePng(await answer.arrayBuffer());
    this.scale = item.width / this.image.width;
    this.canvas.setAttribute("aria-label", `Machine mask of ${item.name}`);
    fill(this.note, large ? `Shown at ${this.image.width} x ${this.image.height} of ${item.width} x ${item.height} pixels.` : "");
    this.draw();
  }

  at(pixel) {
    const { values, channels } = this.image;
    if (channels === 1) return [values[pixel], values[pixel], values[pixel]];
    return [values[3 * pixel], values[3 * pixel + 1], values[3 * pixel + 2]];
  }

  draw() {
    if (!this.image) return;
    const { width, height, channels, values } = this.image;
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.style.setProperty("--ratio", width / height);
    const context = this.canvas.getContext("2d");
    const out = context.createImageData(width, height);
    let most = 1;
    for (let at = 0; at < values.length; at += 1) if (values[at] > most) most = values[at];
    const stretch = 255 / most;
    const known = new Map();
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      const a = values[channels * pixel];
      const b = channels === 1 ? a : values[3 * pixel + 1];
      const c = channels === 1 ? a : values[3 * pixel + 2];
      const name = key(a, b, c);
      let color = known.get(name);
      if (!color) {
        const group = this.legend.get(name);
        if (group && !group.shown) color = [0, 0, 0];
        else if (this.colored.checked && group) color = group.color;
        else color = [a * stretch, b * stretch, c * stretch];
        if (known.size < 100000) known.set(name, color);
      }
      const at = 4 * pixel;
      [out.data[at], out.data[at + 1], out.data[at + 2]] = color;
      out.data[at + 3] = 255;
    }
    context.putImageData(out, 0, 0);
  }

  tell(event) {
    if (!this.image) return;
    const box = this.canvas.getBoundingClientRect();
    const { width, height, channels } = this.image;
    const x = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
    const y = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
    const found = this.at(y * width + x);
    const names = this.legend.get(key(...found))?.names.join(", ");
    const nothing = found.every((value) => value === 0) ? "background" : "no class's value";
    const place = `x ${Math.floor(x * this.scale)}, y ${Math.floor(y * this.scale)}`;
    fill(this.value, `${place}: ${channels === 1 ? found[0] : found.join(", ")} (${names || nothing})`);
  }
}
