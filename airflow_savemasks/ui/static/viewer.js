// One item: slider, human mask, picture, machine mask, annotation; previous and next; the legend.

import { css, fill, h, number, percent, shortly, size } from "./dom.js";
import { imageOf, isLarge } from "./gallery.js";
import { ofLabels, ofMachine, ofSemantic } from "./legend.js";
import { MachineView } from "./machine.js";
import { Slider } from "./slider.js";

const VIEWS = [
  ["slider", "Slider", "human"], ["human", "Human mask", "human"], ["picture", "Picture", "picture"],
  ["machine", "Machine mask", "machine"], ["annotation", "Annotation", "annotation"], ["semantic", "Semantic mask", "semantic"],
  ["instances", "Instances", "instances"], ["labels", "Labels", "instances/"],
];
const VALUES = new Set(["machine", "semantic", "instances"]); // views whose values are read
const SIDE = 4096; // of the preview that is shown of a very large picture
const MOST_PIXELS = 24_000_000;
const MOST_TEXT = 300_000;
const MOST_LINES = 200; // of labels and files beside the picture

// The first file of a view; null if the item has none.
function kindOf(item, needs) {
  if (!needs.endsWith("/")) return item.files[needs] ? needs : null;
  return Object.keys(item.files).find((kind) => kind.startsWith(needs)) || null;
}

export class Viewer {
  constructor(dialog, task, archive, gallery) {
    Object.assign(this, { dialog, task, archive, gallery });
    this.view = "slider";
    this.legends = { machine: ofMachine(archive.classes), semantic: ofSemantic(archive.classes) };
    this.machine = new MachineView();
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
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=range], select")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { // among the views too: up and down go through those
      event.preventDefault();
      this.go(step);
    }
    const view = VIEWS[Number(event.key) - 1];
    if (view && kindOf(this.item, view[2])) this.choose(view[0]);
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

  async show(position, given) {
    this.asked = given;
    const item = given.more ? await this.task.item(given.number) : given;
    if (this.asked !== given) return;
    Object.assign(this, { position, item });
    const [view, , needs] = VIEWS.find(([name, , one]) => name === this.view && kindOf(item, one))
      || VIEWS.find(([, , one]) => kindOf(item, one));
    const kind = kindOf(item, needs);
    if (item.visible.length) this.legends.instances = ofLabels(item.visible);
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement?.dataset.key : null;
    const stage = h("div", { class: "stage", "aria-busy": "true" }, h("p", { class: "quiet" }, "Loading ..."));
    this.stage = stage;
    fill(this.dialog, this.head(item, view), h("div", { class: "split" }, this.stage, this.side(item)));
    this.dialog.querySelector(`[data-key="${focused || "next"}"]`)?.focus();
    if (!this.dialog.contains(document.activeElement)) this.dialog.focus(); // keys go to what has the focus
    try {
      const element = await this.render(view, kind, item);
      if (this.item !== item || this.stage !== stage) return;
      stage.replaceWith(element);
      if (VALUES.has(view)) fill(this.legend, this.switches(this.legends[view]));
    } catch (error) {
      if (this.stage === stage) fill(stage, h("p", { class: "error" }, error.message));
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
        VIEWS.filter(([, , needs]) => kindOf(item, needs)).map(([name, text]) => h("label", { class: "pick" },
          h("input", { type: "radio", name: "view", "data-key": name, value: name, checked: name === view,
            onchange: () => this.choose(name) }), h("span", {}, text)))));
  }

  side(item) {
    this.legend = h("div");
    const files = Object.entries(item.files);
    const names = Object.entries(item.pixels).filter(([, pixels]) => pixels).sort((a, b) => b[1] - a[1]);
    const all = item.width * item.height;
    const colors = new Map(this.archive.classes.map((one) => [one.name, one.human]));
    return h("aside", { "aria-label": "About this item" },
      h("p", {}, `${number(item.width)} x ${number(item.height)} pixels, ${number(item.labels)} labels`),
      h("p", { class: "quiet" }, item.dataset, item.split ? `, share ${item.split}` : ""),
      names.length ? h("h3", {}, "Classes") : null,
      h("ul", { class: "plain" }, names.map(([name, pixels]) => h("li", {}, swatch(colors.get(name)), ` ${name} `,
        h("span", { class: "quiet" }, percent(pixels / all))))),
      this.legend,
      h("h3", {}, "Files"),
      h("ul", { class: "plain" }, files.slice(0, MOST_LINES).map(([kind, file]) => h("li", {},
        h("a", { href: this.task.file(item, kind), download: file.name.split("/").pop() }, kind), ` ${size(file.bytes)}`)),
      files.length > MOST_LINES ? h("li", { class: "quiet" }, `and ${number(files.length - MOST_LINES)} more`) : null,
      h("li", {}, h("a", { href: this.task.zip(item), download: "" }, "all of them as a zip"))));
  }

  switches(legend) {
    const groups = [...legend.values()];
    const more = groups.length - MOST_LINES;
    return h("fieldset", { class: "long" }, h("legend", {}, "Shown on the mask"), groups.slice(0, MOST_LINES).map((group) =>
      h("label", { class: "line" }, h("input", { type: "checkbox", checked: group.shown, onchange: (event) => {
        group.shown = event.target.checked;
        this.machine.draw();
      } }), swatch(group.color), ` ${group.names.join(", ")} `, h("span", { class: "quiet" }, shortly(group.values)))),
    more > 0 ? h("p", { class: "quiet" }, `and ${number(more)} more`) : null);
  }

  async render(view, kind, item) {
    const side = item.width * item.height > MOST_PIXELS ? SIDE : 0;
    if (view === "slider") {
      const alone = this.archive.options.human?.layout === "overlay"; // then the picture is a file of its own
      await this.slider.show(this.task.file(item, kind, side), item, alone && item.files.picture && this.task.file(item, "picture", side || 4096));
      return this.slider.element;
    }
    if (VALUES.has(view)) {
      const [, what] = VIEWS.find(([name]) => name === view);
      await this.machine.show(this.task, item, kind, what, this.legends[view]);
      return this.machine.element;
    }
    if (view === "annotation") {
      const text = JSON.stringify(await (await fetch(this.task.file(item, kind))).json(), null, 2);
      const cut = text.length > MOST_TEXT ? "\n... the file has more" : "";
      return h("div", { class: "stage" }, h("pre", { tabindex: "0" }, text.slice(0, MOST_TEXT) + cut));
    }
    if (view === "labels") return this.labels(item, side);
    return h("div", { class: "stage" }, this.image(item, kind, side, `${view === "human" ? "Human mask" : "Picture"} of ${item.name}`));
  }

  image(item, kind, side, alt) {
    const image = imageOf(this.task, item, kind, side, alt);
    image.loading = "eager";
    image.className = item.width < 400 ? "fit crisp" : "fit";
    return image;
  }

  // The files of single labels, one at a time.
  labels(item, side) {
    const kinds = Object.keys(item.files).filter((kind) => kind.startsWith("instances/"));
    const place = h("div");
    const turn = (kind) => fill(place, this.image(item, kind, side, `Mask of ${nameOf(kind)} of ${item.name}`));
    turn(kinds[0]);
    return h("div", { class: "stage" }, place, h("p", { class: "row" }, h("select", { "aria-label": "Label",
      onchange: (event) => turn(event.target.value) }, kinds.map((kind) => h("option", { value: kind }, nameOf(kind)))),
    h("span", { class: "quiet" }, `${number(kinds.length)} in all`)));
  }
}

const nameOf = (kind) => kind.slice(kind.indexOf("/") + 1);

function swatch(color) {
  const mark = h("span", { class: color ? "swatch" : "swatch none", "aria-hidden": "true" });
  if (color) mark.style.backgroundColor = css(color);
  return mark;
}
