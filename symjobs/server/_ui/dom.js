// Elements. Text only ever comes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const s = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

export function table(heads, rows, label) {
  const cell = (value) => {
    const number = typeof value === "number" || (typeof value === "string" && value.trim() !== "" && isFinite(value));
    return h("td", { class: number ? "number" : null }, value instanceof Node ? value : number ? short(value) : String(value ?? ""));
  };
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell))))));
}

export function short(value) {
  const number = Number(value);
  return Number.isInteger(number) && Math.abs(number) < 1e9 ? String(number) : String(Number(number.toPrecision(5)));
}
