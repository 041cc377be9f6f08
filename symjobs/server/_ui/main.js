// The pages: sign in, jobs, one job, projects, one project.

import { h, table } from "./dom.js";
import { show } from "./results.js";
import { Client } from "./signed.js";

const main = document.querySelector("#main"), nav = document.querySelector("nav"), leave = document.querySelector("#leave");
const say = (text, bad = false) => {
  const status = document.querySelector("#status");
  status.textContent = text;
  status.classList.toggle("bad", bad);
};
const POLL = 1000, MOST_PAIRED = 30;
let client = null, timer = 0, turn = 0;

// A page is a function that fills `main`; `here` says whether the user is still on it.
async function go() {
  clearTimeout(timer);
  const mine = ++turn, here = () => mine === turn;
  const [, page = "jobs", ...rest] = location.hash.split("/").map(decodeURIComponent);
  nav.hidden = leave.hidden = client === null;
  document.querySelector("#who").textContent = client?.user ?? "";
  for (const link of nav.children) link.toggleAttribute("aria-current", link.hash === `#/${page}`);
  say("");
  try {
    if (client === null) signIn();
    else await (PAGES[page] ?? PAGES.jobs)(here, ...rest);
  } catch (error) {
    if (here()) say(error.message, true);
  }
}

function signIn() {
  const before = location.hash.startsWith("#/") ? "" : decodeURIComponent(location.hash.slice(1));
  if (!globalThis.isSecureContext || !crypto.subtle) {
    main.replaceChildren(h("h2", {}, "This address is not safe"),
      h("p", {}, "Browsers sign requests only on HTTPS or on localhost. Open this page through HTTPS, or on the machine of the server as http://localhost."));
    return;
  }
  const user = h("input", { name: "user", autocomplete: "username", required: true, value: before });
  const secret = h("input", { name: "secret", type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  const form = h("form", { class: "sign", onsubmit: async (event) => {
    event.preventDefault();
    try {
      const candidate = new Client(user.value, secret.value);
      await candidate.ask("GET", "/projects/list");
      client = candidate;
      sessionStorage.setItem("symjobs", JSON.stringify([user.value, secret.value]));
      location.hash = "#/jobs";
      await go();
      main.focus();
    } catch (error) {
      say(error.name === "InvalidCharacterError" ? "The secret is Base64 text, as symjobs user add prints it." : error.message, true);
    }
  } }, h("h2", {}, "Sign in"), h("label", {}, "User", user), h("label", {}, "Secret", secret),
  h("p", { class: "soft" }, "The secret stays in this tab. It signs requests, and is never sent."), h("button", { class: "main" }, "Sign in"));
  main.replaceChildren(form);
  (before ? secret : user).focus();
}

leave.addEventListener("click", () => {
  sessionStorage.removeItem("symjobs");
  client = null;
  location.hash = "";
  go();
});

const state = (job) => job.details.state ?? (job.isDone ? "done" : job.isStarted ? "running" : "queued");
const when = (ms) => (ms ? new Date(ms).toLocaleString() : "");
const link = (path, text) => h("a", { href: `#/${path}` }, text);

const PAGES = {
  // Rows are changed in place, so that the keyboard's focus stays.
  async jobs(here) {
    const rows = new Map(), body = h("tbody"), empty = h("p", {}, "No jobs yet. Ask a question of a project.");
    main.replaceChildren(h("h2", {}, "Jobs"), empty, h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {},
      ["Job", "Type", "State", "Progress", "Started", ""].map((head) => h("th", { scope: "col" }, head)))), body)));
    const update = async () => {
      const { values } = await client.ask("GET", "/jobs");
      if (!here()) return;
      const found = values.jobinfoList.values;
      empty.hidden = found.length > 0;
      for (const [id, row] of rows) if (!found.some((job) => job.jobId === id)) { row.node.remove(); rows.delete(id); }
      for (const job of found) {
        if (!rows.has(job.jobId)) {
          const row = jobRow(job, update);
          rows.set(job.jobId, row);
          body.prepend(row.node);
        }
        rows.get(job.jobId).update(job);
      }
    };
    const loop = async () => {
      await update().catch((error) => here() && say(error.message, true));
      if (here()) timer = setTimeout(loop, POLL);
    };
    await loop();
  },

  async job(here, id) {
    main.replaceChildren(h("h2", {}, `Job ${id}`), h("p", {}, "…"));
    const listed = (await client.ask("GET", "/jobs")).values.jobinfoList.values.find((job) => String(job.jobId) === id);
    const bar = h("progress", { "aria-label": "progress" });
    let answer = await client.ask("GET", `/jobs/${id}`, { any: true });
    while (here() && answer.status === 202) {
      const job = answer.values.jobinfo;
      bar.max = job.maximum || 1;
      bar.value = job.current;
      main.replaceChildren(h("h2", {}, `Job ${id}: ${job.jobType}`), h("p", {}, `${state(job)} `, bar));
      await new Promise((resolve) => setTimeout(resolve, POLL / 4));
      answer = await client.ask("GET", `/jobs/${id}`, { any: true });
    }
    if (!here()) return;
    const info = answer.values.jobinfo ?? (await client.ask("GET", "/jobs")).values.jobinfoList.values.find((job) => String(job.jobId) === id) ?? listed;
    const labels = JSON.parse(sessionStorage.getItem(`symjobs labels ${client.user} ${id}`) ?? "null");
    const parts = answer.status === 200 ? show(info?.jobType ?? "", answer.values, labels) : [h("p", { class: "bad" }, answer.text)];
    const details = Object.entries(info?.details ?? {}).flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, key === "finishedDate" ? when(Number(value)) : value)]);
    main.replaceChildren(h("h2", {}, `Job ${id}: ${info?.jobType ?? ""}`), ...parts, h("h3", {}, "Details"), h("dl", {}, details));
  },

  async projects(here) {
    const names = (await client.ask("GET", "/projects/list")).values.stringList.values;
    if (!here()) return;
    main.replaceChildren(h("h2", {}, "Projects"), names.length
      ? h("ul", {}, names.map((name) => h("li", {}, link(`project/${encodeURIComponent(name)}`, name))))
      : h("p", {}, "No projects yet. A client makes one with POST /projects?pid=..."));
  },

  async project(here, name) {
    const path = `/projects/${encodeURIComponent(name)}`;
    const { smlInfo } = (await client.ask("GET", `${path}/info`)).values;
    if (!here()) return;
    const names = smlInfo.attributeNames;
    const facts = [["type", smlInfo.type], ["changed", when(smlInfo.lastModificationDate)], ["hash", smlInfo.hash], ["models", smlInfo.modelsList.join(", ") || "none"]];
    main.replaceChildren(h("h2", {}, name), questions(path, smlInfo), h("h3", {}, `Attributes (${names.length})`),
      table(["index", "name", "type"], names.map((one, i) => [smlInfo.attributeIndexes[i], one, smlInfo.attributeTypes[i]]), "attributes"),
      h("h3", {}, "Facts"), h("dl", {}, facts.flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, value)])));
  },
};

function jobRow(job, update) {
  const bar = h("progress", { "aria-label": `progress of job ${job.jobId}` }), word = h("td"), started = h("td");
  const kill = h("button", { type: "button", "aria-label": `Kill job ${job.jobId}`, onclick: async () => {
    kill.disabled = true;
    const answer = await client.ask("DELETE", `/jobs/${job.jobId}`, { any: true });
    say(`Job ${job.jobId}: ${answer.text}`);
    kill.disabled = false;
    await update();
  } }, "Kill");
  const node = h("tr", {}, h("td", {}, link(`job/${job.jobId}`, String(job.jobId))), h("td", {}, job.jobType), word, h("td", {}, bar), started, h("td", {}, kill));
  return {
    node,
    update(now) {
      word.textContent = state(now);
      word.classList.toggle("bad", state(now) === "failed");
      bar.max = now.maximum || 1;
      bar.value = now.current;
      bar.textContent = `${now.current} of ${now.maximum}`;
      started.textContent = when(now.startingDate);
      kill.hidden = now.isDone;
    },
  };
}

const QUESTIONS = {
  "Principal components": { route: "explorepca" },
  "Variance inflation": { route: "vif" },
  "Singular values": { route: "exploresvd" },
  "Correlations": { route: "explore", metric: "bi", pairs: true },
  "Statistics": { route: "explore", metric: "uni", each: true },
  "Number of clusters": { route: "kmeansOptimize", clusters: true },
};

function questions(path, info) {
  const usable = info.attributeNames.filter((_, i) => "CB".includes(info.attributeTypes[i]));
  const boxes = usable.map((name, i) => h("input", { type: "checkbox", value: name, checked: info.attributeTypes[info.attributeNames.indexOf(name)] === "C" }));
  const question = h("select", { name: "question" }, Object.keys(QUESTIONS).map((name) => h("option", {}, name)));
  const least = h("input", { type: "number", min: 2, value: 2, size: 4 }), most = h("input", { type: "number", min: 2, value: 8, size: 4 });
  const range = h("span", { hidden: true }, h("label", {}, "from k =", least), h("label", {}, "to k =", most));
  question.addEventListener("change", () => { range.hidden = !QUESTIONS[question.value].clusters; });
  return h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value), asked = QUESTIONS[question.value];
    let contexts = [{ inputAttributeNames: chosen }], labels = null;
    if (asked.each) [contexts, labels] = [chosen.map((name) => ({ inputAttributeNames: [name] })), chosen.map((name) => [name])];
    if (asked.pairs) {
      if (chosen.length < 2 || chosen.length > MOST_PAIRED) return say(`Choose 2 to ${MOST_PAIRED} attributes.`, true);
      labels = chosen.flatMap((one, i) => chosen.slice(i + 1).map((other) => [one, other]));
      contexts = labels.map(([one, other]) => ({ inputAttributeNames: [one], targetAttributeNames: [other] }));
    }
    if (asked.clusters) contexts[0] = { extraParameters: { kmeans_k_min: least.value, kmeans_k_max: most.value } };
    const query = asked.metric ? { metric: asked.metric, async: "true", returnProjectInfo: "false" } : {};
    const body = asked.clusters ? contexts[0] : { values: contexts };
    try {
      const { job } = await client.ask("POST", `${path}/${asked.route}`, { query, body });
      if (labels) sessionStorage.setItem(`symjobs labels ${client.user} ${job}`, JSON.stringify(labels));
      location.hash = `#/job/${job}`;
    } catch (error) {
      say(error.message, true);
    }
  } }, h("h3", {}, "Ask"), h("label", {}, "Question", question), range,
  h("fieldset", {}, h("legend", {}, "About"), h("div", { class: "choice" }, boxes.map((box, i) => h("label", {}, box, usable[i])))),
  h("p", {}, h("button", { class: "main" }, "Ask")));
}

const known = JSON.parse(sessionStorage.getItem("symjobs") ?? "null");
if (known && globalThis.isSecureContext) client = new Client(...known);
addEventListener("hashchange", go);
go();
