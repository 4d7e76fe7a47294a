// The gallery: search, filters, pages, and a tile for each item.

import { h, fill, number, plural, table } from "./dom.js";

export const PAGE = 60;
const LARGE_PAGE = 24; // where every tile is a preview that has to be made
const LARGE_BYTES = 400_000;
const LARGE_PIXELS = 2_000_000;
const TILE_SIDE = 512;

export function isLarge(item, kind) {
  return item.files[kind].bytes > LARGE_BYTES || item.width * item.height > LARGE_PIXELS;
}

// What is shown of an item where only one file can be: the human mask, if there is one.
export function faceOf(item) {
  return ["human", "picture", "machine"].find((kind) => item.files[kind]) || null;
}

// An image that is asked for again as a preview where the browser does not know its format.
export function imageOf(task, item, kind, side, alt) {
  const image = h("img", { src: task.file(item, kind, side), alt, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => { if (!side) image.src = task.file(item, kind, 2048); }, { once: true });
  return image;
}

export class Gallery {
  // first: its first page, which was asked for together with the archive
  constructor(element, task, archive, first, open) {
    Object.assign(this, { element, task, archive, first, open });
    this.question = { q: "", dataset: null, shows: null, unlabelled: false };
    this.offset = 0;
    this.total = 0;
    this.page = PAGE;
    this.build();
  }

  build() {
    const later = debounced(() => this.ask({ q: this.search.value }), 250);
    this.search = h("input", { type: "search", placeholder: "Name", "aria-label": "Search by name", oninput: later });
    this.dataset = h("select", { "aria-label": "Dataset", onchange: () => this.ask({ dataset: chosen(this.dataset) }) },
      h("option", { value: "" }, "All datasets"));
    this.shows = h("select", { "aria-label": "Class", onchange: () => this.ask({ shows: chosen(this.shows) }) },
      h("option", { value: "" }, "All classes"),
      this.archive.classes.map((one) => h("option", { value: `=${one.name}` }, `${one.name} (${number(one.items)})`)));
    this.which = h("select", { "aria-label": "Which items", onchange: () => this.ask({}) },
      h("option", { value: "all" }, "All items"),
      h("option", { value: "unlabelled" }, "Without labels"),
      h("option", { value: "skipped" }, `Skipped (${number(this.archive.skipped)})`));
    this.count = h("p", { class: "quiet", role: "status" });
    this.tiles = h("ul", { class: "tiles" });
    this.pager = h("nav", { class: "row", "aria-label": "Pages" });
    fill(this.element, h("h2", { class: "hidden" }, "Gallery"),
      h("div", { class: "row filters" }, this.search, this.dataset, this.shows, this.which), this.count, this.tiles, this.pager);
    document.onkeydown = (event) => {
      if (event.key === "/" && !event.target.closest("input, select, dialog")) {
        event.preventDefault();
        this.search.focus();
      }
    };
  }

  async start() {
    await this.turn(0);
    try {
      const told = await this.task.datasets();
      this.dataset.append(...told.datasets.map((one) => h("option", { value: `=${one.name}` }, `${one.name} (${number(one.items)})`)));
      return told.pixels;
    } catch {
      return 0; // the gallery does without
    }
  }

  show(name) {
    this.shows.value = `=${name}`;
    this.ask({ shows: name });
    this.element.scrollIntoView();
  }

  ask(change) {
    Object.assign(this.question, change, { unlabelled: this.which.value === "unlabelled" });
    return this.turn(0);
  }

  async turn(offset) {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.tiles.setAttribute("aria-busy", "true");
    try {
      if (this.which.value === "skipped") await this.skipped(offset);
      else await this.fit(offset, asking.signal);
    } catch (error) {
      if (error.name !== "AbortError") fill(this.count, `${error.message}. ${error.fix || ""}`);
    } finally {
      if (this.asking === asking) this.tiles.removeAttribute("aria-busy");
    }
  }

  async fit(offset, signal) {
    const told = this.first || await this.task.items(this.question, offset, this.page, signal);
    this.first = null;
    const large = told.items.filter((item) => faceOf(item) && isLarge(item, faceOf(item))).length;
    if (large > LARGE_PAGE && this.page > LARGE_PAGE) {
      this.page = LARGE_PAGE;
      told.items.length = LARGE_PAGE;
    }
    Object.assign(this, { offset, total: told.total, shown: told.items });
    const last = offset + told.items.length;
    fill(this.count, told.total ? `${number(offset + 1)} to ${number(last)} of ${plural(told.total, "item")}` : "No item fits");
    fill(this.tiles, told.items.map((item, at) => this.tile(item, offset + at)));
    this.turnable(offset, told.total);
  }

  async skipped(offset) {
    const told = await this.task.rows("skipped", offset, this.page, this.question.q);
    fill(this.count, told.total ? `${plural(told.total, "item")} skipped` : "No item was skipped");
    fill(this.tiles, told.total ? h("li", { class: "whole" },
      table("Skipped items", ["Item", "Reason"], told.rows.map((row) => [row.item, row.reason]))) : null);
    this.turnable(offset, told.total);
  }

  tile(item, position) {
    const kind = faceOf(item);
    const label = `${item.name}, ${plural(item.labels, "label")}`;
    return h("li", {}, h("button", { class: "tile", type: "button", title: item.name, onclick: () => this.open(position, item) },
      kind ? imageOf(this.task, item, kind, isLarge(item, kind) ? TILE_SIDE : 0, "") : h("span", { class: "quiet" }, "no mask"),
      h("span", { class: "name" }, item.name), h("span", { class: "hidden" }, `, ${label}`)));
  }

  turnable(offset, total) {
    const pages = Math.ceil(total / this.page);
    const at = Math.floor(offset / this.page);
    const button = (text, to, label) => h("button", {
      type: "button", "aria-label": label, disabled: to < 0 || to >= pages || to === at,
      onclick: () => { this.turn(to * this.page); this.element.scrollIntoView(); },
    }, text);
    const field = h("input", { type: "number", min: "1", max: String(pages), value: String(at + 1), "aria-label": "Page",
      onchange: () => this.turn(Math.min(pages - 1, Math.max(0, Number(field.value) - 1)) * this.page) });
    fill(this.pager, pages < 2 ? null : [button("⏮", 0, "First page"), button("◀", at - 1, "Previous page"), field,
      h("span", {}, `of ${number(pages)}`), button("▶", at + 1, "Next page"), button("⏭", pages - 1, "Last page")]);
  }

  // The item at a place among those that fit; null beyond the ends.
  async item(position) {
    if (position < 0 || position >= this.total) return null;
    const here = this.shown[position - this.offset];
    return here || (await this.task.items(this.question, position, 1)).items[0] || null;
  }
}

function chosen(select) {
  return select.value ? select.value.slice(1) : null;
}

function debounced(work, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
}
