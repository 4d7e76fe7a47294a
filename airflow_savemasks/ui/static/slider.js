// Before and after: the two halves of a human mask on one canvas, with a line between them that can be moved. Where the
// mask is the overlay alone, the picture comes from its own file.

import { h } from "./dom.js";

const SMALL = 400; // pixels: a narrower picture is drawn larger

export class Slider {
  constructor() {
    this.canvas = h("canvas", { class: "fit", role: "img" });
    this.range = h("input", {
      type: "range", min: "0", max: "100", value: "50", step: "1",
      "aria-label": "Where the picture ends and the overlay begins", oninput: () => this.draw(),
    });
    this.element = h("div", { class: "stage" }, this.canvas, h("div", { class: "row" }, "Picture", this.range, "Overlay"));
    const move = (event) => {
      if (!event.buttons) return;
      const box = this.canvas.getBoundingClientRect();
      this.range.value = String((100 * (event.clientX - box.left)) / box.width);
      this.draw();
    };
    this.canvas.addEventListener("pointerdown", move);
    this.canvas.addEventListener("pointermove", move);
  }

  // picture: the URL of the picture's own file, where the mask at `url` does not have it beside the overlay
  async show(url, item, picture) {
    const [image, before] = await Promise.all([load(url), picture ? load(picture) : null]);
    this.image = image;
    this.before = before;
    // The mask is two pictures and a green column between them; a preview has all three, smaller.
    const half = before ? 1 : item.width / (2 * item.width + 1);
    this.width = Math.max(1, Math.floor(image.naturalWidth * half));
    this.scale = Math.max(1, Math.ceil(SMALL / this.width)); // of a small picture, so that the line is thinner than a pixel
    this.canvas.width = this.width * this.scale;
    this.canvas.height = image.naturalHeight * this.scale;
    this.canvas.classList.toggle("crisp", this.scale > 1);
    this.canvas.style.setProperty("--ratio", this.canvas.width / this.canvas.height);
    this.canvas.setAttribute("aria-label", `Picture and overlay of ${item.name}`);
    this.draw();
  }

  draw() {
    if (!this.image) return;
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    const { image, before } = this;
    const edge = Math.round((width * Number(this.range.value)) / 100);
    context.imageSmoothingEnabled = false;
    if (before) context.drawImage(before, 0, 0, width, height);
    else context.drawImage(image, 0, 0, this.width, image.naturalHeight, 0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(edge, 0, width - edge, height);
    context.clip();
    context.drawImage(image, image.naturalWidth - this.width, 0, this.width, image.naturalHeight, 0, 0, width, height);
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(edge - 1, 0, Math.max(2, width / 400), height);
  }
}

async function load(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}
