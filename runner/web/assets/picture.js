// The state diagram: the picture that the daemon's declaration draws, with the states lit in which the sides are.
"use strict";

const Picture = {
  frame: null,
  svg: null,
  name: null,
  lit: "",
  size: "near",
  sizes: ["near", "whole", "large"],

  theme() {
    return matchMedia("(prefers-color-scheme: dark)").matches ? "-dark" : "";
  },

  // An XMLHttpRequest reads the SVG as a document; no text of it passes through a parser of markup.
  load(machine, then) {
    const name = `${machine}${this.theme()}`;
    if (this.name === name) return this.svg ? then() : undefined;
    this.name = name;
    this.svg = null;
    const request = new XMLHttpRequest();
    request.open("GET", `pictures/${name}.svg`);
    request.responseType = "document";
    request.onload = () => {
      if (this.name !== name || !request.responseXML) return;
      this.svg = document.importNode(request.responseXML.documentElement, true);
      for (const title of this.svg.querySelectorAll("title")) title.remove();
      this.whole = this.svg.getAttribute("viewBox");
      this.width = parseFloat(this.svg.getAttribute("width"));
      this.svg.removeAttribute("width");
      this.svg.removeAttribute("height");
      this.frame.replaceChildren(this.svg);
      this.lit = "";
      this.resize(this.size);
      then();
    };
    request.onerror = () => { this.name = null; };
    request.send();
  },

  resize(size) {
    this.size = size;
    this.frame.dataset.size = size;
    if (!this.svg) return;
    this.svg.setAttribute("width", size === "large" ? this.width : "100%");
    this.follow();
  },

  // What belongs to the sides' states fills the frame, or the first of them comes to its middle.
  follow() {
    const node = this.frame.querySelector(".state.here");
    const near = this.size === "near" && node ? this.surroundings() : null;
    this.svg.setAttribute("viewBox", near || this.whole);
    if (!node || this.size !== "large") return;
    const box = node.getBoundingClientRect(), frame = this.frame.getBoundingClientRect();
    this.frame.scrollBy(box.x + box.width / 2 - frame.x - frame.width / 2, box.y + box.height / 2 - frame.y - frame.height / 2);
  },

  // The states in which the sides are, with the ways out of them, of the region that is drawn first.
  surroundings() {
    const region = this.frame.querySelector(".state.here").id.split(".")[0];
    const small = this.frame.clientWidth < 700, margin = small ? 150 : 40;
    const nodes = [...this.frame.querySelectorAll(small ? ".here" : ".here, .way")].filter((node) => node.id.startsWith(`${region}.`));
    const boxes = nodes.map((node) => node.getBBox());
    const { e, f } = this.svg.querySelector("g.graph").transform.baseVal.consolidate().matrix;
    const left = Math.min(...boxes.map((box) => box.x)) - margin, right = Math.max(...boxes.map((box) => box.x + box.width)) + margin;
    const top = Math.min(...boxes.map((box) => box.y)) - margin, bottom = Math.max(...boxes.map((box) => box.y + box.height)) + margin;
    return `${left + e} ${top + f} ${right - left} ${bottom - top}`;
  },

  show(sides) {
    const machine = sides.length ? sides[0].machine : null;
    if (!machine) return;
    this.load(machine, () => this.light(sides));
  },

  light(sides) {
    const key = JSON.stringify(sides.map((side) => [side.switch, side.regions]));
    if (key === this.lit) return;
    this.lit = key;
    for (const badge of this.svg.querySelectorAll(".badge")) badge.remove();
    for (const node of this.svg.querySelectorAll(".here, .way")) node.classList.remove("here", "way", "side0", "side1", "sides");
    const labels = [...this.svg.querySelectorAll("g.node:not(.state)")];
    sides.forEach((side, number) => {
      for (const [region, state] of Object.entries(side.regions)) {
        const node = this.svg.getElementById(`${region}.${state}`);
        if (!node) continue;
        node.classList.add(node.classList.contains("here") ? "sides" : `side${number % 2}`, "here");
        this.badge(node, side.switch, number);
        const from = `-from-${state}`;
        for (const label of labels) if (label.id.startsWith(`${region}.row-`) && label.id.endsWith(from)) label.classList.add("way");
      }
    });
    this.follow();
  },

  badge(node, text, number) {
    const box = node.getBBox(), width = 7.2 * text.length + 12;
    const x = number % 2 ? box.x + box.width - width / 2 : box.x - width / 2, y = box.y - 11;
    this.svg.querySelector("g.graph").append(
      draw("g", { class: `badge side${number % 2}` },
        draw("rect", { x, y, width, height: 18, rx: 9 }),
        draw("text", { x: x + width / 2, y: y + 13, "text-anchor": "middle" }, text)));
  },
};
