// Puts the page together: which task, how far it is, what it made.

import { here, Refused, Task, tasksOfRun } from "./api.js";
import { byId, fill, h } from "./dom.js";
import { Gallery, PAGE } from "./gallery.js";
import { showBad, showDownloads, showExport, showPlan, showProgress } from "./panels.js";
import { follow } from "./theme.js";
import { Viewer } from "./viewer.js";

const EVERY = 2000; // ms between two looks at a task that is under way
let shown = 0; // which choice of a task is shown: an answer to an earlier one is forgotten

function say(text, fix = "", wrong = false) {
  const notice = byId("notice");
  notice.className = wrong ? "error" : "quiet";
  fill(notice, text, fix ? ` ${fix}` : "");
}

function fail(error) {
  say(error.message, error instanceof Refused ? error.fix : "", true);
  byId("page").removeAttribute("aria-busy");
}

const idOf = (one) => `${encodeURIComponent(one.task_id)}/${one.map_index}`;

// Which task of a run is shown first: the one with the archive, else one that runs, else one that failed.
function worth({ operator, state }) {
  const part = operator === "RenderOperator" || operator === "PlanOperator";
  if (state === "success") return part ? 6 : 0;
  if (state === "running") return part ? 3 : 1;
  if (state === "failed") return part ? 4 + (operator === "PlanOperator") : 2;
  return 7;
}

// A run: its tasks that export masks, the one with an archive first, so that one click shows it.
async function startRun() {
  const { tasks } = await tasksOfRun();
  if (!tasks.length) {
    say("No task of this run exports masks.");
    byId("page").removeAttribute("aria-busy");
    return;
  }
  const first = [...tasks].sort((a, b) => worth(a) - worth(b))[0];
  const select = fill(byId("task"), tasks.map((one) =>
    h("option", { value: idOf(one) }, `${one.label && one.map_index >= 0 ? `${one.task_id} ${one.label}` : one.task_id}: ${one.state || "no state"}`)));
  select.value = idOf(first);
  byId("task-choice").hidden = tasks.length < 2;
  const choose = () => start(new Task(...select.value.split("/"))).catch(fail);
  select.addEventListener("change", choose);
  await choose();
}

function showState(task) {
  const chip = byId("state");
  chip.hidden = false;
  chip.className = `chip ${task.state || ""}`;
  fill(chip, task.state || "no state");
}

async function start(task) {
  shown += 1;
  const mine = shown;
  for (const id of ["progress", "bad", "export", "gallery"]) byId(id).hidden = true;
  fill(byId("downloads"));
  byId("page").setAttribute("aria-busy", "true");
  let summary = await task.summary();
  while (summary.task.under_way) {
    if (mine !== shown) return;
    showState(summary.task);
    showProgress(summary);
    say(summary.ours ? "" : "Nothing to show yet: the task has not begun, or exports no masks.");
    byId("page").removeAttribute("aria-busy");
    await new Promise((go) => { setTimeout(go, EVERY); });
    summary = await task.summary().catch((error) => (error.status ? Promise.reject(error) : summary));
  }
  if (mine !== shown) return;
  showState(summary.task);
  showProgress(summary);
  if (summary.result) await showArchive(task, summary, mine);
  else {
    const bad = summary.ours ? await showBad(task, summary) : 0;
    say(bad || summary.plan ? "" : nothing(summary));
    if (summary.plan) showPlan(summary.plan);
  }
  byId("page").removeAttribute("aria-busy");
}

function nothing(summary) {
  if (!summary.ours) return "This task exports no masks.";
  if (summary.task.state === "failed") return "No bad items are known of this try: why it failed stands in the task's log.";
  if (summary.task.state === "upstream_failed") return "A task before this one failed: why stands in that task's log.";
  return "This task has made no archive.";
}

async function showArchive(task, summary, mine) {
  const [archive, first] = await Promise.all([task.archive(), task.items({ dataset: null, shows: null, share: null }, 0, PAGE)]);
  if (mine !== shown) return;
  say("");
  const viewer = { open: () => {} };
  const gallery = new Gallery(byId("gallery"), task, archive, first, (position, item) => viewer.open(position, item));
  const dialog = byId("viewer").cloneNode(false); // without what listens for an earlier task
  byId("viewer").replaceWith(dialog);
  const one = new Viewer(dialog, task, archive, gallery);
  viewer.open = (position, item) => one.open(position, item);
  showDownloads(task, archive);
  showExport(summary, archive, (name) => gallery.show(name));
  byId("gallery").hidden = false;
  await gallery.start();
}

follow();
(here ? start(new Task(here.task, here.index)) : startRun()).catch(fail);
