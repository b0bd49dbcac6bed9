// Both sides over time: one lane for each, coloured by the group of the state, as far back as this page has looked.
"use strict";

const SPANS = [["1 min", 60e3], ["5 min", 300e3], ["30 min", 1800e3]];

const Timeline = {
  span: 300e3,

  segments(side, changes) {
    const own = changes.filter((change) => change.switch === side.switch && change.name === side.name && change.at_ms !== null);
    own.sort((one, other) => one.at_ms - other.at_ms);
    return own.map((change, number) => ({
      state: change.after, from: change.at_ms, why: change.why,
      to: number + 1 < own.length ? own[number + 1].at_ms : null,
    })).filter((segment) => segment.state);
  },

  chart(view, groupOf) {
    const end = view.now_ms, begin = end - this.span;
    const place = (ms) => `${(100 * (Math.max(begin, ms) - begin)) / this.span}%`;
    const step = this.span / 5;
    const ticks = [];
    for (let at = Math.ceil(begin / step) * step; at <= end; at += step) ticks.push(at);
    const lanes = view.sides.map((side) =>
      make("div", { class: "lane" },
        make("span", { class: "name" }, side.switch),
        make("div", { class: "track" },
          this.segments(side, view.changes).filter((segment) => (segment.to || end) > begin).map((segment) => {
            const width = (100 * ((segment.to || end) - Math.max(begin, segment.from))) / this.span;
            const text = `${words(segment.state)} since ${clock(segment.from)}${segment.why ? `: ${segment.why}` : ""}`;
            const piece = make("span", { class: `piece ${groupOf(side, segment.state)}`, "data-state": segment.state, title: text }, width > 6 ? words(segment.state) : "");
            piece.style.left = place(segment.from);
            piece.style.width = `${Math.max(0.15, width)}%`;
            return piece;
          }))));
    const axis = make("div", { class: "lane axis" }, make("span", { class: "name" }, "UTC"),
      make("div", { class: "track" }, ticks.map((at) => {
        const tick = make("span", {}, clock(at, false));
        tick.style.left = place(at);
        return tick;
      })));
    return [...lanes, axis];
  },
};
