"use strict";
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// Tips: what a mark stands for, under the pointer or by the arrow keys.
const tip = document.getElementById("tip");
const say = (mark, x, y) => {
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(6, Math.min(x + 12, innerWidth - box.width - 8)) + "px";
  tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + "px";
};
const hush = () => { tip.hidden = true; all("svg g.on").forEach((mark) => mark.classList.remove("on")); };
for (const svg of all("figure svg[role=img]")) {
  svg.tabIndex = 0;
  svg.addEventListener("pointermove", (event) => {
    const mark = event.target.closest("g[data-tip]");
    if (mark) say(mark, event.clientX, event.clientY); else hush();
  });
  svg.addEventListener("pointerleave", hush);
  svg.addEventListener("blur", hush);
  svg.addEventListener("keydown", (event) => {
    const marks = all("g[data-tip]", svg);
    const last = marks.length - 1;
    const at = marks.findIndex((mark) => mark.classList.contains("on"));
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") hush();
    if (to === undefined || last < 0) return;
    event.preventDefault();
    hush();
    const mark = marks[Math.max(0, Math.min(to, last))];
    mark.classList.add("on");
    const box = mark.getBoundingClientRect();
    say(mark, box.right, box.top);
  });
}
// Paper cannot be clicked: what is folded opens for it.
let folded = [];
addEventListener("beforeprint", () => {
  folded = all("details:not([open])");
  folded.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

addEventListener("scroll", hush, { passive: true });

// The map: a genre of the legend stands out.
for (const legend of all("figure ul.legend")) {
  const svg = legend.parentElement.querySelector("svg[role=img]");
  const buttons = all("button", legend);
  const groupOf = (button) => button.querySelector(".dot").classList[1];
  buttons.forEach((button) => {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      const lit = new Set(buttons.filter((other) => other.getAttribute("aria-pressed") === "true").map(groupOf));
      all(".dot", svg).forEach((dot) => { dot.style.opacity = !lit.size || lit.has(dot.classList[1]) ? "" : "0.08"; });
    });
  });
}

// Clips: one group at a time, one sound at a time.
for (const button of all("button[data-show]")) {
  button.addEventListener("click", () => {
    all("button[data-show]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    all(".clip").forEach((clip) => {
      const groups = clip.dataset.group.split(" ");
      clip.classList.toggle("hidden", Boolean(button.dataset.show) && !groups.includes(button.dataset.show));
    });
  });
}
addEventListener("play", (event) => {
  all("audio").forEach((audio) => { if (audio !== event.target) audio.pause(); });
}, true);

// The funnel: thresholds move, clips are counted again.
const count = (value) => Math.round(value).toLocaleString("en");
const digits = (value, most) => value.toLocaleString("en", { minimumFractionDigits: most, maximumFractionDigits: most });
const hoursText = (value) => {
  const [number, unit] = value >= 1 ? [value, "h"] : value >= 1 / 60 ? [60 * value, "min"] : [3600 * value, "s"];
  return digits(number, unit === "s" || number >= 100 ? 0 : number >= 10 ? 1 : 2) + " " + unit;
};
const limitText = (rule, value) => {
  if (rule.unit === "0 or 1") return value > 0 ? "required" : "not required";
  const share = rule.unit.startsWith("share");
  const number = (share ? 100 * value : value).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");
  const unit = share ? " %" : ["s", "dB"].includes(rule.unit) ? " " + rule.unit : "";
  return (rule.keep === "at least" ? "≥ " : "≤ ") + number + unit;
};

const unpack = async (live) => {
  const packed = Uint8Array.from(atob(live.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const columns = {};
  let at = 0;
  for (const name of live.columns) {
    const size = name === "duration" ? 2 * live.clips : live.clips;
    const part = bytes.slice(at, at + size);
    columns[name] = name === "duration" ? new Uint16Array(part.buffer) : part;
    at += size;
  }
  return columns;
};

// Walks every clip through stages and rules; returns what each step loses: [clips, lengths].
const recount = (live, columns, stops) => {
  const lost = {};
  const lose = (kind, name) => (lost[kind + " " + name] ??= [0, 0]);
  const walk = live.stages.map((stage) => ({
    waits: lose("pending", stage),
    fails: lose("quarantined", stage),
    rules: live.rules.filter((rule) => rule.stage === stage).map((rule) => ({
      codes: columns[rule.name], atLeast: rule.keep === "at least", at: stops[rule.name], out: lose("rule", rule.name),
    })),
  }));
  const kept = lose("kept", "kept");
  for (let clip = 0; clip < live.clips; clip++) {
    const end = columns.stop[clip];
    const into = (() => {
      for (let stage = 0; stage < walk.length; stage++) {
        if (end >> 1 === stage && end !== 255) return end & 1 ? walk[stage].fails : walk[stage].waits;
        for (const rule of walk[stage].rules) {
          const code = rule.codes[clip];
          if (code !== 254 && (rule.atLeast ? code <= rule.at : code > rule.at)) return rule.out;
        }
      }
      return kept;
    })();
    into[0] += 1;
    into[1] += columns.duration[clip];
  }
  return lost;
};

const show = (live, lost) => {
  const scale = live.clips ? live.of / live.clips : 0;
  const steps = all(".funnel li");
  const fixed = (step) => Number(step.dataset.lost);
  const total = Number(steps[0].dataset.clips);
  const known = steps[0].dataset.hours !== "";
  let left = total, hours = Number(steps[0].dataset.hours);
  for (const step of steps) {
    const { kind, step: name } = step.dataset;
    if (kind === "catalogued") continue;
    const found = lost[kind + " " + name];
    const gone = kind === "kept" ? 0 : found ? found[0] * scale : fixed(step);
    left -= gone;
    hours -= kind === "kept" ? 0 : found ? (found[1] * scale * live.duration_step_s) / 3600 : Number(step.dataset.lostHours);
    step.hidden = kind !== "rule" && kind !== "kept" && !gone;
    const bars = all(".track i", step);
    bars[0].style.width = (100 * left) / total + "%";
    bars[1].style.width = (100 * gone) / total + "%";
    const numbers = step.querySelector(".numbers");
    numbers.replaceChildren(Object.assign(document.createElement("b"), { textContent: count(left) }));
    const more = (kind === "kept" ? "" : " −" + count(gone)) + (known ? " · " + hoursText(Math.max(hours, 0)) : "");
    numbers.append(Object.assign(document.createElement("small"), { textContent: more }));
  }
};

const holder = document.getElementById("live");
if (holder) {
  const knobs = all(".knob input");
  let live, columns;
  const countAgain = async () => {
    live ??= JSON.parse(holder.textContent);
    columns ??= await unpack(live);
    const stops = Object.fromEntries(knobs.map((knob) => [knob.dataset.rule, Number(knob.value)]));
    show(live, recount(live, columns, stops));
    const moved = knobs.filter((knob) => knob.value !== knob.dataset.published);
    for (const knob of knobs) {
      const rule = live.rules.find((entry) => entry.name === knob.dataset.rule);
      const limit = limitText(rule, rule.stops[Number(knob.value)]);
      knob.nextElementSibling.textContent = limit;
      knob.nextElementSibling.classList.toggle("moved", moved.includes(knob));
      knob.setAttribute("aria-valuetext", limit);
    }
    document.getElementById("moved").hidden = !moved.length;
    document.getElementById("command").textContent = "leitmotif publish WS --out DATASET" + moved.map((knob) => {
      const rule = live.rules.find((entry) => entry.name === knob.dataset.rule);
      return ` --set ${rule.name}.threshold=${rule.stops[Number(knob.value)]}`; // unrounded: as it was counted
    }).join("");
    document.documentElement.dataset.recounted = String(Number(document.documentElement.dataset.recounted ?? 0) + 1);
  };
  knobs.forEach((knob) => knob.addEventListener("input", countAgain));
  document.getElementById("back").addEventListener("click", () => {
    knobs.forEach((knob) => { knob.value = knob.dataset.published; });
    countAgain();
  });
}
