// Where the page is, and what it asks the server for. All requests are GET and go to this DAG's own routes.

const PLACE = /^(.*)\/dags\/([^/]+)\/runs\/([^/]+)(?:\/tasks\/([^/]+)\/([^/]+))?\/?$/;
const found = PLACE.exec(location.pathname);
if (!found) throw new Error("This page has no place");
const [, mount, dag, run, taskHere, indexHere] = found;

export const here = taskHere ? { task: taskHere, index: indexHere } : null; // as they stand in the address
const runUrl = `${mount}/api/dags/${dag}/runs/${run}`;

export class Refused extends Error {
  constructor(status, told) {
    super([told.place, told.fact || told.detail].filter(Boolean).join(": ") || `The server answers ${status}`);
    this.status = status;
    this.fix = told.fix || "";
  }
}

async function get(url, signal) {
  const answer = await fetch(url, { signal, credentials: "same-origin" });
  if (answer.ok) return answer.json();
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // not ours: a proxy's page
  }
  if (answer.status === 401) told = { fact: "You are not logged in", fix: "Log in to Airflow, then reload this page." };
  if (answer.status === 403) told = { fact: "You have no right to see what this DAG's tasks return" };
  throw new Refused(answer.status, told);
}

export const tasksOfRun = () => get(`${runUrl}/tasks`);

// The routes of one task instance.
export class Task {
  constructor(task, index) {
    this.url = `${runUrl}/tasks/${task}/${index}`;
  }

  summary() {
    return get(`${this.url}/summary`);
  }

  archive() {
    return get(`${this.url}/archive`);
  }

  datasets() {
    return get(`${this.url}/datasets`);
  }

  rows(what, offset, limit, q) {
    return get(`${this.url}/${what}?${new URLSearchParams({ offset, limit, ...(q ? { q } : {}) })}`);
  }

  items(question, offset, limit, signal) {
    const asked = { offset, limit };
    if (question.q) asked.q = question.q;
    if (question.dataset !== null) asked.dataset = question.dataset;
    if (question.shows !== null) asked.shows = question.shows;
    if (question.share !== null) asked.share = question.share;
    if (question.unlabelled) asked.unlabelled = "true";
    return get(`${this.url}/items?${new URLSearchParams(asked)}`, signal);
  }

  // One item, with what there is of each of its labels.
  item(number) {
    return get(`${this.url}/items/${number}`);
  }

  // The address of an item's file; it says which bytes it means, so that a browser may keep them.
  file(item, kind, side) {
    const asked = { mark: item.files[kind].mark };
    if (side) asked.max_side = side;
    return `${this.url}/items/${item.number}/files/${kind.split("/").map(encodeURIComponent).join("/")}?${new URLSearchParams(asked)}`;
  }

  zip(item) {
    return `${this.url}/items/${item.number}/zip`;
  }

  download(what, volume) {
    return `${this.url}/download/${what}${volume ? `?volume=${volume}` : ""}`;
  }
}
