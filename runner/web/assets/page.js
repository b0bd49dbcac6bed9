// The page: takes views as they come, and shows them. It never asks for anything to be done.
"use strict";

const page = (id) => document.getElementById(id);
const part = (id, what = "div") => document.querySelector(`#${id} > ${what}`);
let machines = {}, view = null, chosen = null, stream = null, heardMs = 0, offsetMs = 0;

const groupClass = (name) => (name ? `group-${name.replaceAll(" ", "-")}` : "group-none");

function groupOf(side, state) {
  for (const region of machines[side.machine] || [])
    for (const [group, states] of Object.entries(region.groups)) if (states.includes(state)) return groupClass(group);
  return "group-none";
}

const chip = (side, state) => make("span", { class: `chip ${groupOf(side, state)}` }, words(state) || "unknown");

function planes(side, values) {
  return ["midplane", "control plane", "data plane"].map((name, number) => {
    const value = values[number] || "unknown";
    return make("span", { class: `plane ${value}`, title: `${name}: ${value}` }, make("i", {}), name.split(" ")[0]);
  });
}

function role(side) {
  const acked = words(side.acked) || "unknown";
  if (!side.asked || side.asked === side.acked) return make("b", {}, acked);
  return make("b", { class: "asked" }, `${acked} → ${words(side.asked)}`);
}

function sideCard(side, number, lost, nowMs) {
  const notes = [
    side.waiting_for && make("p", { class: "waits" }, `waits for ${side.waiting_for}`),
    side.rejected && make("p", { class: "rejected" }, `rejected: ${side.rejected}`),
    side.disabled && make("p", { class: "faint" }, "disabled by the controller"),
    side.switchover && side.switchover !== "completed" && make("p", {}, `switchover ${words(side.switchover)}`),
    side.flow_sync && side.flow_sync !== "completed" && make("p", {}, `flow sync ${words(side.flow_sync)}`),
    side.alive_ms !== null && nowMs - side.alive_ms > 150e3 && make("p", { class: "rejected" }, `its daemon was last alive ${age(side.alive_ms, nowMs)} ago`),
  ].filter(Boolean);
  return make("article", { class: `side side${number % 2} ${lost ? "lost" : ""}` },
    make("h2", {}, side.switch, make("small", {}, side.vdpu_id)),
    lost ? make("p", { class: "rejected" }, `${lost}; this is what was seen last`) : null,
    make("p", { class: "state" }, chip(side, side.state), make("span", { class: "age", "data-since": side.since_ms ?? "" }, age(side.since_ms, nowMs))),
    make("p", { class: "why" }, side.why),
    make("div", { class: "dpu" },
      make("p", {}, "DPU ", role(side), side.local_ip ? make("span", { class: "faint" }, ` ${side.local_ip}`) : null),
      make("p", { class: "planes" }, planes(side, side.planes), make("span", { class: `plane ${side.bfd ? "up" : "unknown"}`, title: side.sessions.join(", ") }, make("i", {}), `${side.bfd} BFD`))),
    make("dl", {},
      make("dt", {}, "term"), make("dd", {}, side.term || "-"),
      make("dt", {}, "wanted"), make("dd", {}, words(side.desired) || "-"),
      make("dt", {}, "peer"), make("dd", {}, side.peer_state ? `${words(side.peer_state)}, term ${side.peer_term || "-"}` : side.machine.startsWith("dpu") ? "known to the DPU" : "not heard yet")),
    notes);
}

function between(sides) {
  const channels = new Set(sides.map((side) => side.channel));
  const channel = channels.has("down") ? "down" : channels.has("unknown") ? "unknown" : "up";
  return make("div", { class: `between ${channel}`, role: "img", "aria-label": `data plane channel ${channel}` },
    make("span", {}, "data plane channel"), make("b", {}, channel));
}

function showPair(lost, nowMs) {
  const { sides } = view;
  show(page("pair"), [sides, lost, view.switches.length && sides.map((side) => nowMs - side.alive_ms > 150e3)], () => {
    if (!sides.length) return [make("p", { class: "notice" }, "No HA scope is published. hamgrd publishes one when the controller configures it.")];
    const cards = sides.map((side, number) => sideCard(side, number, lost[side.switch], nowMs));
    return cards.length === 2 ? [cards[0], between(sides), cards[1]] : cards;
  });
  for (const each of document.querySelectorAll("[data-since]")) if (each.dataset.since) each.textContent = age(Number(each.dataset.since), nowMs);
}

function showOperations() {
  const pending = view.sides.flatMap((side) => side.operations.map((operation) => [side.switch, operation]));
  page("operations").hidden = !pending.length;
  show(part("operations"), pending, () => [table(["switch", "operation", "id"],
    pending.map(([name, operation]) => [name, make("b", {}, words(operation.type)), make("code", {}, operation.id)]))]);
}

function table(headings, rows) {
  return make("div", { class: "wide" }, make("table", {},
    make("thead", {}, make("tr", {}, headings.map((heading) => make("th", { scope: "col" }, heading)))),
    make("tbody", {}, rows.map((cells) => make("tr", {}, cells.map((cell) => make("td", {}, cell)))))));
}

function showWays() {
  const where = view.sides.map((side) => [side.switch, side.machine, side.regions, side.state]);
  show(part("ways"), where, () => view.sides.map((side) => make("div", {},
    make("h3", {}, side.switch, chip(side, side.state)),
    table(["row", "to", "because", "when"], waysOf(side)))));
}

// The rows that lead out of the state of a side; those that may be reported by a DPU are as many as there are states.
function waysOf(side) {
  const region = (machines[side.machine] || []).find((each) => each.region === "state" || each.region === "dpu");
  const here = side.regions[region?.region];
  return (region?.rows || []).filter((row) => row.target && row.target !== here && row.sources.includes(here)).map((row) =>
    [String(row.number), chip(side, row.target), make("span", { class: `kind ${row.kind}` }, row.why), make("span", { class: "faint" }, row.when)]);
}

function showChanges() {
  show(part("changes"), view.changes, () => view.changes.length ? [table(["UTC", "switch", "from", "to", "why"], view.changes.slice(0, 30).map((change) => {
    const side = view.sides.find((each) => each.switch === change.switch) || view.sides[0] || { machine: "" };
    return [make("time", {}, clock(change.at_ms)), change.switch, change.before ? chip(side, change.before) : "", change.after ? chip(side, change.after) : "gone", change.why];
  }))] : [make("p", { class: "faint" }, "none seen yet")]);
}

function mark(value, names = { up: "up", down: "down", unknown: "unknown" }) {
  const is = { true: "up", up: "up", false: "down", down: "down" }[value] || "unknown";
  return make("span", { class: `plane ${is}` }, make("i", {}), names[is]);
}

const DONE = { up: "yes", down: "no", unknown: "not yet" };

function showHealth() {
  show(part("health"), [view.dpus, view.sets], () => [
    table(["switch", "DPU", "", "up", "midplane", "control", "data", "address", ""], view.dpus.map((dpu) =>
      [dpu.switch, dpu.name, dpu.remote ? "remote" : "local", dpu.remote ? "" : mark(dpu.up), ...(dpu.remote ? ["", "", ""] : dpu.planes.map((plane) => mark(plane))), dpu.address, trouble(dpu)])),
    table(["switch", "HA set", "programmed", "channel", "VIP", ""], view.sets.map((set) =>
      [set.switch, set.name, mark(set.programmed, DONE), mark(set.channel), set.vip, trouble(set)]))]);
}

function trouble(row) {
  return [row.waiting_for && make("span", { class: "waits" }, `waits for ${row.waiting_for} `), row.rejected && make("span", { class: "rejected" }, `rejected: ${row.rejected}`)].filter(Boolean);
}

function showCounters() {
  page("counters").hidden = !view.counters.length;
  show(part("counters"), view.counters, () => view.counters.map((each) => make("div", { class: "numbers" },
    make("h3", {}, each.switch, make("small", {}, each.url.replace(/^http:\/\/|\/metrics$/g, ""))),
    each.lost ? make("p", { class: "rejected" }, each.lost) : null,
    make("dl", {}, each.numbers.map((number) => [make("dt", {}, number.name), make("dd", { class: number.bad ? "rejected" : null }, number.seconds ? `${(1000 * number.value).toPrecision(3)} ms` : number.value.toLocaleString("en"))])))));
}

function showScopes() {
  page("scopes").hidden = view.scopes.length < 2;
  show(page("scopes"), [view.scopes, view.scope, view.unlisted], () => [
    ...view.scopes.map((scope) => make("button", { type: "button", "aria-pressed": String(scope.id === view.scope), class: scope.waits ? "waiting" : null,
      onclick: () => choose(scope.id) }, scope.id, make("small", {}, scope.states.map(words).join(" / ")))),
    view.unlisted ? make("span", { class: "faint" }, `and ${view.unlisted} more`) : null]);
}

function choose(scope) {
  chosen = scope;
  history.replaceState(null, "", `#${encodeURIComponent(scope)}`);
  listen();
}

function showAll() {
  if (!view) return;
  const nowMs = Date.now() + offsetMs;
  const lost = Object.fromEntries(view.switches.map((each) => [each.name, each.lost]));
  show(page("switches"), view.switches, () => view.switches.map((each) =>
    make("li", { class: each.lost ? "down" : "up" }, make("i", {}), each.name, each.lost ? make("small", {}, each.lost) : null)));
  showScopes();
  showPair(lost, nowMs);
  showOperations();
  part("timeline", ".chart").replaceChildren(...Timeline.chart({ ...view, now_ms: nowMs }, groupOf));
  Picture.show(view.sides);
  for (const id of ["timeline", "machine", "ways", "changes"]) page(id).hidden = !view.sides.length;
  showWays();
  showChanges();
  showHealth();
  showCounters();
  document.title = view.sides.length ? `${view.sides.map((side) => words(side.state)).join(" / ")} - hamgr` : "hamgr";
}

function showLive() {
  const silent = Date.now() - heardMs > 15e3;
  const text = !heardMs ? "connecting" : silent || (stream && stream.readyState !== 1) ? `not connected since ${clock(heardMs + offsetMs, false)} UTC` : `live, ${clock(Date.now() + offsetMs, false)} UTC`;
  page("live").textContent = text;
  document.body.dataset.live = text.startsWith("live") ? "yes" : "no";
}

function listen() {
  if (stream) stream.close();
  stream = new EventSource(`events${chosen ? `?scope=${encodeURIComponent(chosen)}` : ""}`);
  stream.onmessage = (event) => {
    view = JSON.parse(event.data);
    heardMs = Date.now();
    offsetMs = view.now_ms - heardMs;
    showAll();
    showLive();
  };
  stream.onerror = showLive;
}

function tools(id, choices, now, choose) {
  const group = part(id, ".tools");
  group.replaceChildren(...choices.map(([name, value]) => make("button", { type: "button", "aria-pressed": String(value === now),
    onclick: () => { choose(value); tools(id, choices, value, choose); } }, name)));
}

async function begin() {
  machines = await (await fetch("machines.json")).json();
  Picture.frame = part("machine", ".frame");
  Picture.resize(Picture.size);
  tools("machine", Picture.sizes.map((size) => [size, size]), Picture.size, (size) => Picture.resize(size));
  tools("timeline", SPANS, Timeline.span, (span) => { Timeline.span = span; showAll(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
  chosen = location.hash ? decodeURIComponent(location.hash.slice(1)) : null;
  listen();
  setInterval(() => { showAll(); showLive(); }, 1000);
}

begin();
