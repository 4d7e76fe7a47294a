// A mask of values on a canvas: grays stretched so that they can be seen, or in the classes' colors; values on hover.

import { h, fill } from "./dom.js";
import { key } from "./legend.js";
import { decodePng } from "./png.js";

const MOST_PIXELS = 16_000_000; // that are drawn; a larger mask is shown smaller, with values that it has
const SMALLER = 4096;

export class MachineView {
  constructor() {
    this.legend = new Map();
    this.canvas = h("canvas", { class: "fit crisp", role: "img" });
    this.value = h("output", { class: "value", "aria-live": "off" }, "Point at the mask to read its values");
    this.colored = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.of = h("span", {}, "classes");
    this.choice = h("label", {}, this.colored, " ", this.of, " in their colors");
    this.note = h("p", { class: "quiet" });
    this.element = h(
      "div",
      { class: "stage" },
      this.canvas,
      h("p", { class: "row" }, this.choice, this.value),
      this.note,
    );
    this.canvas.addEventListener("pointermove", (event) => this.tell(event));
  }

  // kind: of the file; legend: what its values mean
  async show(task, item, kind, what, legend) {
    const large = item.width * item.height > MOST_PIXELS;
    const answer = await fetch(task.file(item, kind, large ? SMALLER : 0));
    if (!answer.ok) throw new Error("The mask cannot be read");
    this.image = await decodePng(await answer.arrayBuffer());
    this.scale = item.width / this.image.width;
    this.legend = legend;
    const { palette } = this.image;
    if (palette) for (const group of legend.values()) group.color = palette[group.values[0]] || group.color;
    if (this.kind !== kind) this.colored.checked = kind === "instances" || Boolean(palette); // as other viewers show a palette
    this.kind = kind;
    fill(this.of, kind === "instances" ? "labels" : "classes");
    this.choice.hidden = kind === "semantic"; // its values are the colors
    fill(this.value, "Point at the mask to read its values");
    this.canvas.setAttribute("aria-label", `${what} of ${item.name}`);
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
