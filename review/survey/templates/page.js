"use strict";
const survey = JSON.parse(document.getElementById("survey").textContent);
const main = document.getElementById("main");
const hosted = location.protocol.startsWith("http");
let state = null;

// What is kept between visits, under the survey and the participant.
const place = (participant) => `survey:${survey.id}:${participant}`;
function recall(name) {
  try { return JSON.parse(localStorage.getItem(name)); } catch { return null; }
}
function keep() {
  try {
    localStorage.setItem(place(state.participant), JSON.stringify(state));
    localStorage.setItem(place(""), JSON.stringify(state.participant));
  } catch { /* storage may be forbidden; the answers then live as long as the page */ }
}

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "for" || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

function show(...children) {
  for (const media of main.querySelectorAll("audio, video")) media.pause();
  main.replaceChildren(...children);
  scrollTo(0, 0);
  main.querySelector("h1").focus();
}

const groups = () => survey.orders[state.order];
const letter = (number) => String.fromCharCode(65 + number);
const isRated = (version) => survey.questions.every((question) => state.ratings[version]?.[question.id]);

function showProgress() {
  const versions = groups().flatMap((group) => group.versions);
  const done = versions.filter(isRated).length;
  document.querySelector("header").hidden = false;
  const at = state.at < groups().length ? `Clip ${state.at + 1} of ${groups().length} · ` : "";
  document.getElementById("place").textContent = `${at}${done} of ${versions.length} rated`;
  document.getElementById("bar").value = done / versions.length;
}

// The order of a participant: a number counts through the orders, another name picks one.
function orderOf(participant) {
  if (/^[1-9]\d{0,8}$/.test(participant)) return (Number(participant) - 1) % survey.orders.length;
  let hash = 2166136261;
  for (const sign of participant) hash = Math.imul(hash ^ sign.codePointAt(0), 16777619) >>> 0;
  return hash % survey.orders.length;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw Object.assign(new Error(said.error ?? `the server answered ${answer.status}`), { refused: "error" in said });
}

function showWelcome() {
  const given = new URLSearchParams(location.search).get("participant") ?? recall(place("")) ?? "";
  const field = make("input", { type: "text", id: "participant", value: given, maxLength: 64, required: true,
    autocomplete: "off", "aria-describedby": "participant-help" });
  const notice = make("p", { className: "notice", role: "alert" });
  const form = make("form", { className: "card", noValidate: true },
    make("label", { className: "field", for: "participant" }, "Your participant number or name"),
    field,
    make("p", { className: "soft", id: "participant-help" }, "As you were given it. It is kept with your answers."),
    notice,
    make("div", { className: "buttons" }, make("button", { type: "submit" }, "Start")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const participant = field.value.trim();
    if (!participant) {
      notice.textContent = "Please enter your participant number or name.";
      field.focus();
      return;
    }
    state = recall(place(participant));
    if (!state) {
      let order = orderOf(participant);
      if (hosted) {
        try { order = (await post("start", { participant })).order; } catch (error) {
          // A server that only hands out files knows of no orders; the answers are saved as a file then.
          if (error.refused) {
            notice.textContent = `This cannot be started: ${error.message}.`;
            return;
          }
        }
      }
      state = { participant, order, at: 0, started: new Date().toISOString(), ratings: {}, listened: {},
        comments: {}, finished: null };
    }
    keep();
    showPage();
  });
  const each = survey.orders[0][0].versions.length;
  const seen = survey.clips[0].prompt ? "text" : survey.video ? "video" : "purpose";
  show(make("div", { className: "page" },
    make("h1", { tabIndex: -1 }, survey.title),
    make("p", {}, `You will be shown ${survey.orders[0].length} clips. For each there are ${each} versions, which differ in ` +
      `their music: each was made for the same ${seen} by another method. Play every version, then rate each of them from ` +
      "1 (not at all) to 5 (very). There are no right or wrong answers, and versions may get the same rating."),
    make("p", {}, `This takes about ${survey.minutes} minutes. Please wear headphones, sit in a quiet place, and leave the ` +
      "volume as it is once it is pleasant."),
    make("dl", {}, ...survey.questions.flatMap((question) =>
      [make("dt", {}, question.name), make("dd", {}, question.text)])),
    make("p", { className: "soft" }, "What you enter is kept in this browser, so that you can close the page and go on later. " +
      (hosted ? "Your answers are sent to whoever asked you once you have finished."
        : "Nothing is sent: at the end you save a file.")),
    form));
}

// Plays one version at a time, notes how long it was heard, and shows the video that goes with it.
function player(group, version, name) {
  const clip = survey.clips[group.clip];
  const box = make("div", { className: "media" });
  const media = make(survey.video && !clip.video ? "video" : "audio", { controls: true, preload: "metadata",
    src: `media/${version}`, "aria-label": name });
  media.playsInline = true;
  const trouble = make("p", { className: "notice", role: "alert" });
  let before = null;
  media.addEventListener("timeupdate", () => {
    const step = media.currentTime - (before ?? media.currentTime);
    if (!media.paused && step > 0 && step < 1) state.listened[version] = (state.listened[version] ?? 0) + step;
    before = media.currentTime;
  });
  media.addEventListener("play", () => {
    before = media.currentTime;
    state.listened[version] ??= 0;
    for (const other of main.querySelectorAll("[controls]")) if (other !== media) other.pause();
  });
  media.addEventListener("pause", keep);
  media.addEventListener("error", () => {
    state.listened[version] ??= 0;
    trouble.textContent = "This file cannot be played here; please try another browser.";
  });
  if (clip.video) {
    const picture = make("video", { src: `media/${clip.video}`, preload: "metadata", muted: true,
      "aria-label": `${name}: the video` });
    picture.playsInline = true;
    const follow = () => { picture.currentTime = media.currentTime; };
    media.addEventListener("play", () => { follow(); picture.play().catch(() => {}); });
    media.addEventListener("pause", () => picture.pause());
    media.addEventListener("seeked", follow);
    media.addEventListener("timeupdate", () => {
      if (!picture.ended && Math.abs(picture.currentTime - media.currentTime) > 0.2) follow();
    });
    picture.addEventListener("click", () => (media.paused ? media.play() : media.pause()));
    box.append(picture);
  }
  box.append(media, trouble);
  return box;
}

function scale(version, question, name) {
  const field = make("fieldset", { id: `${version}-${question.id}` },
    make("legend", {}, question.name, make("span", {}, question.text)));
  const row = make("div", { className: "scale" });
  for (let value = 1; value <= 5; value++) {
    const input = make("input", { type: "radio", name: field.id, value,
      checked: state.ratings[version]?.[question.id] === value,
      "aria-label": `${name}, ${question.name}: ${value} of 5` });
    input.addEventListener("change", () => {
      (state.ratings[version] ??= {})[question.id] = value;
      field.classList.remove("missing");
      keep();
      showProgress();
    });
    row.append(make("label", {}, input, make("span", { "aria-hidden": "true" }, String(value))));
  }
  field.addEventListener("keydown", (event) => {
    if (event.key >= "1" && event.key <= "5") row.children[event.key - 1].firstChild.click();
  });
  field.append(row, make("div", { className: "ends", "aria-hidden": "true" },
    make("span", {}, "not at all"), make("span", {}, "very")));
  return field;
}

function showGroup() {
  const group = groups()[state.at];
  const clip = survey.clips[group.clip];
  const notice = make("p", { className: "notice", role: "alert" });
  const comment = make("textarea", { id: "comment", maxLength: 4000, value: state.comments[group.clip] ?? "" });
  comment.addEventListener("input", () => { state.comments[group.clip] = comment.value; keep(); });
  const cards = group.versions.map((version, number) => {
    const name = `Version ${letter(number)}`;
    return make("section", { className: "card version", "aria-label": name }, make("h2", {}, name),
      player(group, version, name),
      make("div", {}, ...survey.questions.map((question) => scale(version, question, name))));
  });
  const back = make("button", { type: "button", className: "second", disabled: state.at === 0 }, "Back");
  const next = make("button", { type: "button", id: "next" },
    state.at + 1 < groups().length ? "Next clip" : "Finish");
  back.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => {
    const unheard = group.versions.findIndex((version) => state.listened[version] === undefined);
    if (unheard >= 0) {
      notice.textContent = `Please play version ${letter(unheard)} before you go on.`;
      cards[unheard].querySelector("[controls]").focus();
      return;
    }
    const missing = group.versions.flatMap((version) => survey.questions
      .filter((question) => !state.ratings[version]?.[question.id])
      .map((question) => document.getElementById(`${version}-${question.id}`)));
    for (const field of missing) field.classList.add("missing");
    if (missing.length) {
      notice.textContent = missing.length > 1 ? `${missing.length} ratings are missing; they are marked.`
        : "One rating is missing; it is marked.";
      missing[0].querySelector("input").focus();
      return;
    }
    turn(1);
  });
  show(make("h1", { tabIndex: -1 }, `Clip ${state.at + 1} of ${groups().length}`),
    make("p", { className: "soft" }, "Play all versions first, then rate each. The keys 1 to 5 rate the question in focus."),
    ...(clip.prompt ? [make("p", {}, "The music was made for this text:"), make("blockquote", {}, clip.prompt)] : []),
    ...cards,
    make("div", { className: "card" },
      make("label", { className: "field", for: "comment" },
        "What made you prefer one version over another? (optional)"), comment),
    notice,
    make("div", { className: "buttons" }, back, next));
}

function turn(step) {
  state.at += step;
  keep();
  showPage();
}

function response() {
  const answers = groups().flatMap((group) => group.versions).map((version) => ({ version,
    ratings: state.ratings[version], listened_s: Math.round(10 * (state.listened[version] ?? 0)) / 10 }));
  const comments = Object.entries(state.comments).filter(([, text]) => text.trim())
    .map(([clip, text]) => ({ clip: Number(clip), text: text.trim() }));
  return { survey: survey.id, participant: state.participant, order: state.order, started: state.started,
    finished: state.finished, answers, comments };
}

function showEnd() {
  state.finished ??= new Date().toISOString();
  keep();
  const notice = make("p", { className: "notice", role: "alert" });
  const said = make("p", { role: "status", id: "said" });
  const save = make("button", { type: "button", id: "save" }, "Save my answers");
  save.addEventListener("click", () => {
    const name = state.participant.replace(/[^\p{L}\p{N}_-]+/gu, "-");
    const url = URL.createObjectURL(new Blob([JSON.stringify(response(), null, 1)], { type: "application/json" }));
    make("a", { href: url, download: `response-${name}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    said.textContent = `Saved as response-${name}.json. Please send this file to whoever asked you to take part.`;
  });
  const send = make("button", { type: "button", id: "send" }, "Send again");
  const back = make("button", { type: "button", className: "second" }, "Back");
  back.addEventListener("click", () => { state.finished = null; turn(-1); });
  const buttons = make("div", { className: "buttons" }, back, save);
  async function transmit() {
    said.textContent = "Sending your answers…";
    notice.textContent = "";
    buttons.replaceChildren();
    try {
      await post("responses", response());
      said.textContent = "Your answers have arrived. You can close this page.";
    } catch (error) {
      said.textContent = "";
      notice.textContent = `Your answers could not be sent: ${error.message}. Send them again, or save them as a file.`;
      save.className = "second";
      buttons.replaceChildren(save, send);
    }
  }
  send.addEventListener("click", transmit);
  show(make("div", { className: "page" },
    make("h1", { tabIndex: -1 }, hosted ? "Thank you" : "Thank you: one last step"),
    make("p", {}, hosted ? "You have rated everything." : "You have rated everything. Please save your answers as a file and " +
      "send it to whoever asked you to take part."),
    said, notice, buttons));
  if (hosted) transmit();
}

function showPage() {
  showProgress();
  if (state.at < groups().length) showGroup();
  else showEnd();
}

showWelcome();
