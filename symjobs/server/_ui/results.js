// The entities of a job as tables and pictures, by their keys.

import { h, table } from "./dom.js";
import { bars, curve, heat, scores } from "./pictures.js";

const MOST_ROWS = 200;
const ORDER = ["pcaValues", "pcaVectors"];

export function show(type, values, labels) {
  const parts = [];
  const keys = Object.keys(values).sort((one, other) => ORDER.indexOf(one) - ORDER.indexOf(other));
  for (const key of keys) parts.push(...(SHOWN[key] ?? plain)(values[key], type, values, labels));
  return parts.length ? parts : [h("p", {}, "This job has no entities; its details say what it did.")];
}

const SHOWN = {
  pcaValues(frame, type, values) {
    const found = frame.data[0].map(Number), total = values.pcaSumValues;
    return [bars("Share of the variance (scree plot)", frame.attributeNames, found.map((value) => value / total)),
      table(["component", "eigenvalue", "share"], frame.attributeNames.map((name, i) => [name, found[i], found[i] / total]), "eigenvalues")];
  },
  pcaVectors: (frame) => dataframe("Components", frame),
  pcaSumValues: () => [],
  dataframe(frame) {
    const column = (name) => frame.attributeNames.indexOf(name), score = column("score");
    const parts = dataframe("Rows", frame);
    if (score < 0 || column("evt") < 0) return parts;
    const numbers = (j) => frame.data.map((row) => (row[j] === "" ? NaN : Number(row[j])));
    const flagged = frame.data.flatMap((row, i) => (row[column("evt")] === "1" ? [i] : []));
    return [scores("Anomaly scores, their 99 % quantile, flagged rows", numbers(score), numbers(column("q99")), flagged), ...parts];
  },
  KSVSMap(entity, type) {
    return entity.values.flatMap((one) => {
      const ks = Object.keys(one).map((key) => /^kmeans_(\d+)_wssse$/.exec(key)?.[1]).filter(Boolean).map(Number).sort((a, b) => a - b);
      if (!ks.length) return ranked(one, type);
      const of = (what) => ks.map((k) => Number(one[`kmeans_${k}_${what}`]));
      const silhouette = of("silhouette"), best = silhouette.indexOf(Math.max(...silhouette.filter((value) => isFinite(value))));
      return [bars("Silhouette of each number of clusters", ks, silhouette.map((value) => (isFinite(value) ? value : 0)), { marked: best }),
        curve("WSSSE of each number of clusters", ks, of("wssse")),
        table(["k", "WSSSE", "silhouette"], ks.map((k, i) => [k, of("wssse")[i], silhouette[i]]), "clusters")];
    });
  },
  KSVDMap(entity, type, values, labels) {
    const pairs = entity.values.map((one) => one.linCorr);
    const names = [...new Set((labels ?? []).flat())];
    const parts = [];
    if (labels && pairs.every((r) => r !== undefined) && names.length > 1) {
      const matrix = names.map((_, i) => names.map((_, j) => (i === j ? 1 : null)));
      labels.forEach(([one, other], k) => {
        const i = names.indexOf(one), j = names.indexOf(other);
        matrix[i][j] = matrix[j][i] = pairs[k];
      });
      parts.push(heat("Correlations", names, matrix));
    }
    const keys = [...new Set(entity.values.flatMap(Object.keys))];
    parts.push(table(["inputs", ...keys], entity.values.map((one, i) => [labels?.[i]?.join(", ") ?? String(i + 1), ...keys.map((key) => one[key])]), "statistics"));
    return parts;
  },
  smlInfo: () => [],
  smlInfoList: (entity) => [table(["project", "attributes", "hash"], entity.values.map((one) => [one.pid, one.attributeNames.length, one.hash.slice(0, 12)]), "projects")],
};

function ranked(one, type) {
  // VIF: name to number. SVD: the number is the key, the name the value.
  const pairs = Object.entries(one).map(([key, value]) => (type === "SVDJob" ? [value, Number(key)] : [key, Number(value)]));
  const finite = pairs.filter(([, value]) => isFinite(value));
  const title = { SVDJob: "Singular values", ExploreVIFJob: "Variance inflation factors" }[type] ?? type;
  if (!finite.length || finite.length < pairs.length / 2) return [table(["key", "value"], Object.entries(one), title)];
  return [bars(title, finite.map(([name]) => name), finite.map(([, value]) => value)),
    table(["input", "value"], pairs.map(([name, value]) => [name, String(value)]), title)];
}

function dataframe(title, frame) {
  const rows = frame.data.slice(0, MOST_ROWS);
  const more = frame.data.length > rows.length ? h("p", { class: "soft" }, `the first ${MOST_ROWS} of ${frame.data.length} rows`) : null;
  return [h("h3", {}, title), table(frame.attributeNames, rows, title), ...(more ? [more] : [])];
}

function plain(entity) {
  return [h("pre", { class: "scroll" }, JSON.stringify(entity, null, 1))];
}
