// Progress, bad items, the export's own figures, the chart of classes, downloads.

import { byId, css, fill, h, number, percent, plural, shortly, size, table } from "./dom.js";

const ROWS = 50;

export function showDownloads(task, archive) {
  const link = (what, text, volume) => h("a", { href: task.download(what, volume), download: "" }, text);
  const volumes = archive.volumes.map((one, at) =>
    link("archive", archive.volumes.length > 1 ? `Volume ${at + 1} (${size(one.bytes)})` : `Archive (${size(one.bytes)})`, at + 1));
  fill(byId("downloads"), volumes.slice(0, 20), link("manifest", "Manifest"), link("index", "Index"),
    archive.skipped ? link("bad_items", "Bad items") : null);
}

export function showProgress(summary) {
  const element = byId("progress");
  element.hidden = !summary.ours || !summary.task.under_way;
  if (element.hidden) return;
  const line = summary.progress || "Nothing is said yet";
  const share = /\((\d+) %\)/.exec(line);
  const bar = h("progress", { max: "100", "aria-label": "Share of the items", value: share ? Number(share[1]) : undefined });
  fill(element, h("h2", {}, summary.task.state === "running" ? "Running" : "Waiting"), bar, h("p", { class: "figure" }, line));
}

export async function showBad(task, summary) {
  const element = byId("bad");
  const page = async (offset) => {
    const told = await task.rows("bad", offset, ROWS);
    element.hidden = !told.total;
    const turn = (text, to) => h("button", { type: "button", onclick: () => page(to), disabled: to < 0 || to >= told.total }, text);
    fill(element, h("h2", {}, `${plural(told.total, "bad item")}${summary.task.state === "failed" ? ": nothing was published" : ""}`),
      table("Bad items", ["Picture", "Item", "Place", "What is wrong", "What to do"],
        told.rows.map((row) => [
          row.preview ? h("img", { class: "bad", src: row.preview, alt: row.item }) : "", row.item, row.place, row.fact, row.fix])),
      h("p", { class: "row" }, told.total > ROWS ? [turn("◀ Before", offset - ROWS), turn("More ▶", offset + ROWS)] : null,
        h("a", { href: task.download("bad_items"), download: "" }, "All of them as a file")));
    return told.total;
  };
  try {
    return await page(0);
  } catch {
    element.hidden = true;
    return 0;
  }
}

export function showExport(summary, archive, onClass) {
  const element = byId("export");
  const { items, unchanged, seconds, warnings, unannotated, orphans } = summary.result;
  const figures = [
    [plural(archive.items, "item"), "in the archive"],
    unchanged ? ["nothing changed", "the archive stayed as it was"] : [number(items?.rendered), "rendered"],
    [number(items?.reused), "reused"], [number(items?.skipped), "skipped"], [`${Number(seconds || 0).toFixed(1)} s`, "taken"],
    [size(summary.result.bytes), "of archive"],
    unannotated ? [number(unannotated), "without an annotation"] : null, orphans ? [number(orphans), "annotations without a picture"] : null,
    archive.left_out === null ? null : [number(archive.left_out), "left out"],
    ...Object.entries(archive.splits).map(([share, count]) => [number(count), `in ${share}`]),
  ].filter(Boolean);
  element.hidden = false;
  fill(element,
    archive.replaced ? h("p", { class: "error" },
      "Another export has replaced this archive since: what is shown is what lies there now.") : null,
    h("ul", { class: "figures" }, figures.map(([value, text]) => h("li", {}, h("strong", {}, value), ` ${text}`))),
    listOf(warnings),
    h("details", {}, h("summary", {}, `${plural(archive.classes.length, "class", "classes")}: pictures and pixels`),
      chart(archive, onClass)),
    Object.keys(archive.options).length ? h("details", {}, h("summary", {}, "Options"), h("ul", {},
      Object.entries(archive.options).map(([name, value]) => h("li", {}, `${name}: `, h("code", {}, JSON.stringify(value)))))) : null,
    h("details", {}, h("summary", {}, "Digest"), h("p", {}, "Archive ", h("code", {}, archive.digest)),
      h("p", {}, "Plan ", h("code", {}, archive.plan)), h("p", {}, h("code", {}, summary.result.archive))));
}

function listOf(warnings) {
  return warnings.length ? h("details", {}, h("summary", {}, plural(warnings.reduce((sum, one) => sum + one.count, 0), "warning")),
    h("ul", {}, warnings.map((one) => h("li", {}, one.count > 1
      ? h("details", {}, h("summary", {}, `${one.count} like: ${one.text}`), h("ul", {}, one.all.map((text) => h("li", {}, text))))
      : one.text)))) : null;
}

// What a task found that only planned: nothing was rendered.
export function showPlan(plan) {
  const element = byId("export");
  const { items, classes } = plan;
  const figures = [
    [number(items?.rendered), "to render"], [number(items?.reused), "reused"], [number(items?.skipped), "bad"],
    [number(plan.added), "added"], [number(plan.removed), "removed"], [plural(plan.labels || 0, "label"), "in all"],
    plan.bytes === null ? null : [size(plan.bytes), "of archive, about"],
    plan.seconds === null ? null : [`${Number(plan.seconds).toFixed(0)} s`, "of rendering, about"],
  ].filter(Boolean);
  element.hidden = false;
  fill(element,
    h("h2", {}, plan.unchanged ? "Planned: the archive would stay as it is" : "Planned: nothing was rendered or published"),
    h("p", {}, h("code", {}, plan.would_write || "")),
    plan.would_fail.map((reason) => h("p", { class: "error" }, `The export would fail: ${reason}`)),
    h("ul", { class: "figures" }, figures.map(([value, text]) => h("li", {}, h("strong", {}, value), ` ${text}`))),
    listOf(plan.warnings),
    table("Classes", ["Class", "Human", "Machine", "Pictures with a label of it", "Labels"],
      (classes || []).map((one) => [one.name, color(one.human), color(one.machine), number(one.items), number(one.labels)])));
}

// pixels: of all pictures, once they are known; until then the share is of what is labelled.
function chart(archive, onClass) {
  const most = Math.max(...archive.classes.map((one) => one.share), 1e-9);
  return table("Classes", ["Class", "Human", "Machine", "Pictures", "Share of the labelled pixels"],
    [...archive.classes].sort((a, b) => b.pixels - a.pixels).map((one) => [
      h("button", { type: "button", class: "link", title: `Show pictures with ${one.name}`, onclick: () => onClass(one.name) }, one.name),
      color(one.human), color(one.machine), number(one.items), bar(one.share, most),
    ]));
}

function color(values) {
  if (!values) return h("span", { class: "quiet" }, "not drawn");
  const mark = h("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.backgroundColor = css(values);
  return h("span", {}, mark, h("span", { class: "rgb" }, ` ${shortly(values)}`));
}

function bar(share, most) {
  const inner = h("span", { class: "bar", "aria-hidden": "true" });
  inner.style.width = `${Math.max(share ? 1 : 0, (100 * share) / most)}%`;
  return h("span", { class: "bars" }, h("span", { class: "track" }, inner), percent(share));
}
