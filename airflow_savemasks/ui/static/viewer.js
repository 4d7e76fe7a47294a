// One item: slider, human mask, picture, machine mask, annotation; previous and next; the legend.

import { css, fill, h, number, percent, shortly, size } from "./dom.js";
import { imageOf, isLarge } from "./gallery.js";
import { legendOf, MachineView } from "./machine.js";
import { Slider } from "./slider.js";

const VIEWS = [
  ["slider", "Slider", "human"], ["human", "Human mask", "human"], ["picture", "Picture", "picture"],
  ["machine", "Machine mask", "machine"], ["annotation", "Annotation", "annotation"],
];
const SIDE = 4096; // of the preview that is shown of a very large picture
const MOST_PIXELS = 24_000_000;
const MOST_TEXT = 300_000;

export class Viewer {
  constructor(dialog, task, archive, gallery) {
    Object.assign(this, { dialog, task, archive, gallery });
    this.view = "slider";
    this.legend = legendOf(archive.classes);
    this.machine = new MachineView(this.legend);
    this.slider = new Slider();
    dialog.addEventListener("keydown", (event) => this.press(event));
    dialog.addEventListener("close", () => this.back?.focus());
  }

  async open(position, item) {
    this.back = document.activeElement;
    if (!this.dialog.open) this.dialog.showModal();
    await this.show(position, item);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "range") return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && event.target.type !== "radio") {
      event.preventDefault();
      this.go(step);
    }
    const view = VIEWS[Number(event.key) - 1];
    if (view && this.item.files[view[2]]) this.choose(view[0]);
  }

  async go(step) {
    const position = this.position + step;
    const item = await this.gallery.item(position);
    if (item) await this.show(position, item);
  }

  choose(view) {
    this.view = view;
    return this.show(this.position, this.item);
  }

  async show(position, item) {
    Object.assign(this, { position, item });
    const [view, , kind] = VIEWS.find(([name, , needs]) => name === this.view && item.files[needs])
      || VIEWS.find(([, , needs]) => item.files[needs]);
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement?.dataset.key : null;
    this.stage = h("div", { class: "stage", "aria-busy": "true" }, h("p", { class: "quiet" }, "Loading ..."));
    fill(this.dialog, this.head(item, view), h("div", { class: "split" }, this.stage, this.side(item, view)));
    this.dialog.querySelector(`[data-key="${focused || "next"}"]`)?.focus();
    if (!this.dialog.contains(document.activeElement)) this.dialog.focus(); // keys go to what has the focus
    try {
      const element = await this.render(view, kind, item);
      if (this.item === item) this.stage.replaceWith(element);
    } catch (error) {
      if (this.item === item) fill(this.stage, h("p", { class: "error" }, error.message));
    }
    this.gallery.item(position + 1).then((next) => {
      if (next?.files[kind] && kind !== "annotation" && !isLarge(next, kind)) new Image().src = this.task.file(next, kind);
    }, () => {});
  }

  head(item, view) {
    const button = (key, text, label, act, off) =>
      h("button", { type: "button", "data-key": key, "aria-label": label, title: label, onclick: act, disabled: off }, text);
    const total = this.gallery.total;
    return h("header", { class: "top" },
      button("previous", "◀", "Previous item", () => this.go(-1), this.position === 0),
      button("next", "▶", "Next item", () => this.go(1), this.position >= total - 1),
      h("h2", {}, item.name), h("span", { class: "quiet" }, `${number(this.position + 1)} of ${number(total)}`),
      button("close", "✕", "Close", () => this.dialog.close()),
      h("fieldset", { class: "row" }, h("legend", { class: "hidden" }, "What is shown"),
        VIEWS.filter(([, , needs]) => item.files[needs]).map(([name, text]) => h("label", { class: "pick" },
          h("input", { type: "radio", name: "view", "data-key": name, value: name, checked: name === view,
            onchange: () => this.choose(name) }), h("span", {}, text)))));
  }

  side(item, view) {
    const names = Object.entries(item.pixels).filter(([, pixels]) => pixels).sort((a, b) => b[1] - a[1]);
    const all = item.width * item.height;
    const colors = new Map(this.archive.classes.map((one) => [one.name, one.human]));
    return h("aside", { "aria-label": "About this item" },
      h("p", {}, `${number(item.width)} x ${number(item.height)} pixels, ${number(item.labels)} labels`),
      h("p", { class: "quiet" }, item.dataset),
      names.length ? h("h3", {}, "Classes") : null,
      h("ul", { class: "plain" }, names.map(([name, pixels]) => h("li", {}, swatch(colors.get(name)), ` ${name} `,
        h("span", { class: "quiet" }, percent(pixels / all))))),
      view === "machine" ? this.switches() : null,
      h("h3", {}, "Files"),
      h("ul", { class: "plain" }, Object.entries(item.files).map(([kind, file]) => h("li", {},
        h("a", { href: this.task.file(item, kind), download: file.name.split("/").pop() }, kind), ` ${size(file.bytes)}`)),
      h("li", {}, h("a", { href: this.task.zip(item), download: "" }, "all of them as a zip"))));
  }

  switches() {
    return h("fieldset", {}, h("legend", {}, "Shown on the machine mask"), [...this.legend.values()].map((group) =>
      h("label", { class: "line" }, h("input", { type: "checkbox", checked: group.shown, onchange: (event) => {
        group.shown = event.target.checked;
        this.machine.draw();
      } }), swatch(group.color), ` ${group.names.join(", ")} `, h("span", { class: "quiet" }, shortly(group.values)))));
  }

  async render(view, kind, item) {
    const side = item.width * item.height > MOST_PIXELS ? SIDE : 0;
    if (view === "slider") {
      await this.slider.show(this.task.file(item, kind, side), item);
      return this.slider.element;
    }
    if (view === "machine") {
      await this.machine.show(this.task, item);
      return this.machine.element;
    }
    if (view === "annotation") {
      const text = JSON.stringify(await (await fetch(this.task.file(item, kind))).json(), null, 2);
      const cut = text.length > MOST_TEXT ? "\n... the file has more" : "";
      return h("div", { class: "stage" }, h("pre", { tabindex: "0" }, text.slice(0, MOST_TEXT) + cut));
    }
    const image = imageOf(this.task, item, kind, side, `${view === "human" ? "Human mask" : "Picture"} of ${item.name}`);
    image.loading = "eager";
    image.className = item.width < 400 ? "fit crisp" : "fit";
    return h("div", { class: "stage" }, image);
  }
}

function swatch(color) {
  const mark = h("span", { class: color ? "swatch" : "swatch none", "aria-hidden": "true" });
  if (color) mark.style.backgroundColor = css(color);
  return mark;
}
