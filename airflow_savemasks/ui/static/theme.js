// Light or dark as Airflow's page around this one, else as its setting says, else as the system does.

function wanted() {
  try {
    const root = window.parent !== window ? window.parent.document.documentElement : null;
    if (root?.classList.contains("dark")) return "dark";
    if (root?.classList.contains("light")) return "light";
  } catch {
    // a page of another origin is around this one
  }
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") return kept;
  } catch {
    // no storage
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function follow() {
  const set = () => document.documentElement.setAttribute("data-theme", wanted());
  set();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set);
  addEventListener("storage", set);
  try {
    if (window.parent !== window) {
      new MutationObserver(set).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
    }
  } catch {
    // as above
  }
}
