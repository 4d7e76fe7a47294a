// What the values of a mask mean: classes of machine and semantic masks, labels of masks of places.

const SPARE = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];
const TURN = 137.508; // degrees of hue from one label to the next: neighbours in the list never look alike

// One number for a pixel's values: classes are known by it.
export const key = (a, b, c) => a * 4294967296 + b * 65536 + c;

function add(groups, values, name, color) {
  const known = groups.get(key(...values));
  if (known) known.names.push(name);
  else groups.set(key(...values), { names: [name], values, color, shown: true });
}

// Of a machine mask: several classes may share one value, and are switched together.
export function ofMachine(classes) {
  const groups = new Map();
  classes.forEach((one, at) => {
    if (one.machine) add(groups, one.machine, one.name, one.human || SPARE[at % SPARE.length]);
  });
  return groups;
}

// Of a semantic mask: each class in its own color.
export function ofSemantic(classes) {
  const groups = new Map();
  for (const one of classes) if (one.own) add(groups, one.own, one.name, one.own);
  return groups;
}

// Of places: each label that shows.
export function ofLabels(visible) {
  const groups = new Map();
  for (const one of visible) if (one.pixels) add(groups, [one.id, one.id, one.id], one.class, hue(one.id * TURN));
  return groups;
}

function hue(degrees) {
  const part = (n) => {
    const k = (n + degrees / 30) % 12;
    return Math.round(255 * (0.55 - 0.45 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}
