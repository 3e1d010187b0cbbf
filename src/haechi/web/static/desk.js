// The desk, live: rows and talk renew themselves, shortcuts, a sound if one wants it. Without this file forms and links work.

const live = () => document.getElementById("desk-live");
const ticket = () => document.getElementById("ticket");
const say = document.getElementById("desk-say");
const words = JSON.parse(say.dataset.words);
const wanted = (name) => localStorage.getItem(`haechi-desk-${name}`);
const keysOn = () => wanted("keys") !== "off";
const plainTitle = document.title;

function speak(text) { say.textContent = ""; requestAnimationFrame(() => { say.textContent = text; }); }

async function fragment() {
  const response = await fetch(location.pathname + location.search, { headers: { "HX-Request": "true" } });
  if (response.redirected || response.status === 401) { location.reload(); return null; }
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// --- the list ---

async function renewList() {
  const fresh = (await fragment())?.getElementById("desk-live");
  const old = live();
  if (!fresh || !old) return;
  const before = new Set([...old.querySelectorAll(".ticket")].map((row) => row.id));
  const focused = document.activeElement?.closest(".ticket")?.id;
  const node = document.importNode(fresh, true);
  old.replaceWith(node);
  const news = [...node.querySelectorAll(".ticket")].filter((row) => !before.has(row.id));
  if (wanted("flash") === "on") for (const row of news) row.classList.add("is-new");
  if (focused) document.getElementById(focused)?.querySelector("a")?.focus({ preventScroll: true });
}

// --- one ticket ---

function bottom() {
  const talk = document.getElementById("ticket-talk");
  if (talk) talk.scrollTop = talk.scrollHeight;
}

async function renewTicket() {
  const fresh = (await fragment())?.getElementById("ticket");
  const old = ticket();
  if (!fresh || !old) return;
  if (Number(fresh.dataset.version) < Number(old.dataset.version)) return;
  const node = document.importNode(fresh, true);
  if (node.dataset.forms === old.dataset.forms) {
    // What is being written stays under the hands of the one who writes.
    for (const id of ["ticket-head", "ticket-talk", "ticket-summary", "ticket-steps"]) {
      const part = node.querySelector(`#${id}`);
      if (part) document.getElementById(id)?.replaceWith(part);
    }
    for (const version of document.querySelectorAll('#ticket [name="version"]')) {
      version.value = node.querySelector('[name="version"]')?.value ?? version.value;
    }
    old.dataset.version = node.dataset.version;
    window.htmx?.process(document.getElementById("ticket-head"));
  } else {
    const before = document.getElementById("reply");
    const draft = before?.value;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(node);
    window.htmx?.process(node);
    const box = document.getElementById("reply");
    if (box && draft) box.value = draft;
    if (focused) (document.getElementById(focused) ?? (before ? null : box))?.focus({ preventScroll: true });
  }
  bottom();
}

// --- news ---

let pending = null;
let again = false;

async function renew() {
  if (pending) { again = true; return; }
  pending = ticket() ? renewTicket() : renewList();
  await pending.catch(() => {});
  pending = null;
  if (again) { again = false; renew(); }
}

function beep() {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.15, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.4);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.4);
  tone.onended = () => context.close();
}

const CALLS = { opened: "new", reopened: "new", overdue: "overdue" };

function heard(step) {
  const here = ticket()?.dataset.ticket;
  if (!here || step.ticket === here) renew();
  if (step.by_me) return;
  if (here === step.ticket) { speak(step.act === "said" ? words.said : words.changed); return; }
  const call = CALLS[step.act] ?? (step.act === "said" && step.mine ? "said" : "");
  if (!call) return;
  speak(words[call]);
  if (wanted("sound") === "on") beep();
  if (wanted("flash") === "on") document.title = `● ${plainTitle}`;
}

function listen() {
  const source = new EventSource("/api/v1/desk/events");
  let lost = false;
  source.addEventListener("ticket", (event) => heard(JSON.parse(event.data)));
  source.addEventListener("cursor", () => { if (lost) renew(); lost = false; });
  source.addEventListener("error", () => {
    // The stream ends every ten minutes and comes back by itself; only a lasting gap is worth a word.
    lost = true;
    setTimeout(() => { if (lost && source.readyState !== EventSource.OPEN) speak(words.lost); }, 8000);
  });
  source.addEventListener("open", () => { lost = false; });
  addEventListener("pagehide", () => source.close());
}

addEventListener("focus", () => { document.title = plainTitle; });

// --- settings: everything that makes a noise or moves is off until it is asked for ---

for (const box of document.querySelectorAll("[data-setting]")) {
  const name = box.dataset.setting;
  box.checked = name === "keys" ? keysOn() : wanted(name) === "on";
  box.addEventListener("change", () => localStorage.setItem(`haechi-desk-${name}`, box.checked ? "on" : "off"));
  box.closest("[data-signals]").hidden = false;
}

// --- saved replies go in where the hand is ---

document.addEventListener("change", (event) => {
  if (event.target.id !== "saved" || !event.target.value) return;
  const box = document.getElementById("reply");
  const text = JSON.parse(event.target.dataset.texts)[event.target.value];
  box.setRangeText((box.value && !/\s$/.test(box.value) ? " " : "") + text, box.selectionStart, box.selectionEnd, "end");
  document.querySelector('#reply-form [name="saved"]').value = event.target.value;
  box.focus();
});

// --- an answer to what one sent may come after later news, and after one has begun to write on ---

let sent = "";
let writtenSince = "";

document.addEventListener("htmx:before:request", () => { sent = document.getElementById("reply")?.value ?? ""; });

document.addEventListener("htmx:before:swap", (event) => {
  const box = document.getElementById("reply");
  writtenSince = box && box.value !== sent ? box.value : "";
  const version = /data-version="(\d+)"/.exec(event.detail.ctx.text ?? "")?.[1];
  if (version === undefined || !ticket() || Number(version) >= Number(ticket().dataset.version)) return;
  event.preventDefault();
  if (box && !writtenSince) box.value = "";
});

document.addEventListener("htmx:after:swap", () => {
  bottom();
  const box = document.getElementById("reply");
  if (box && writtenSince) box.value = writtenSince;
  writtenSince = "";
  document.getElementById("problem")?.focus();
  if (!document.getElementById("problem")) document.getElementById("reply")?.focus({ preventScroll: true });
});

// --- shortcuts ---

function move(by) {
  const rows = [...document.querySelectorAll(".ticket__open")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))].focus();
}

function open(id, field) {
  const part = document.getElementById(id);
  if (!part) return;
  part.open = true;
  document.getElementById(field)?.focus();
}

function help() {
  const list = document.getElementById("keys-list");
  list.open = !list.open;
  if (list.open) list.querySelector("summary").focus();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  n: () => document.querySelector("[data-next]")?.requestSubmit(),
  t: () => { const take = document.getElementById("take"); take?.focus(); take?.click(); },
  r: () => document.getElementById("reply")?.focus(),
  m: () => open("transfer", "to"),
  e: () => open("close", "result"),
  u: () => document.querySelector("[data-back]")?.click(),
  "?": help,
};
// The same keys on a Korean keyboard, which sends syllables.
const KOREAN = { "ㅓ": "j", "ㅏ": "k", "ㅜ": "n", "ㅅ": "t", "ㄱ": "r", "ㅡ": "m", "ㄷ": "e", "ㅕ": "u" };

document.addEventListener("keydown", (event) => {
  if (event.target.id === "reply" && event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    event.target.form.requestSubmit();
    return;
  }
  if (event.target.closest("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!keysOn()) return;
  if (/^[1-4]$/.test(event.key) && live()) {
    document.querySelectorAll("#desk-live .tabs a")[Number(event.key) - 1]?.click();
    return;
  }
  const work = KEYS[KOREAN[event.key] ?? event.key];
  if (work) { event.preventDefault(); work(); }
});

bottom();
listen();
