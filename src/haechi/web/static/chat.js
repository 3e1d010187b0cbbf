// The conversation with a bot: streams a turn, hears the agent, opens sources. Without this file the same forms work.

const box = document.getElementById("chatbox");
const words = JSON.parse(box.dataset.words);
const turns = document.getElementById("turns");
const log = document.getElementById("say");
const stop = document.getElementById("stop");
const framed = window.parent !== window;
const PHOTO_BYTES = 10_000_000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
let abort = null;
let hearing = null;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// --- who asks: a frame on another site gets no cookies, so a guest's own token travels in a header ---

function keep(key, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(key, value);
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function whoAsks() {
  if (!box.dataset.guest) return { csrf: box.dataset.csrf };
  const fresh = { guest: box.dataset.guest, csrf: box.dataset.csrf };
  const kept = framed && JSON.parse(keep("haechi-guest") ?? "null");
  if (kept) return kept;
  keep("haechi-guest", JSON.stringify(fresh));
  return fresh;
}

const who = whoAsks();
const credentials = () => ({ "X-CSRF-Token": who.csrf, ...(who.guest ? { "X-Haechi-Guest": who.guest } : {}) });
document.addEventListener("htmx:config:request", (event) => { Object.assign(event.detail.ctx.request.headers, credentials()); });

const conversation = () => box.elements.conversation_id.value;

function named(id) {
  if (conversation() === id) return;
  box.elements.conversation_id.value = id;
  turns.dataset.conversation = id;
  if (framed) keep(`haechi-chat:${box.dataset.bot}`, id);
  else history.replaceState(null, "", `${location.pathname}?c=${id}`);
}

// --- reading a stream ---

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}

// Whole sentences for screen readers, never single tokens.
const speaker = {
  rest: "",
  say(text) { if (text?.trim()) log.append(make("p", "", text.trim())); },
  hear(text) {
    this.rest += text.replace(/\[\d+\]/g, "");
    const cut = Math.max(this.rest.lastIndexOf(". "), this.rest.lastIndexOf("\n"), /[.!?]\s*$/.test(this.rest) ? this.rest.length : -1);
    if (cut > 0) { this.say(this.rest.slice(0, cut + 1)); this.rest = this.rest.slice(cut + 1); }
  },
  end() { this.say(this.rest); this.rest = ""; },
};

// --- one turn ---

function openTurn(shown) {
  document.getElementById("welcome")?.remove();
  const turn = make("article", "turn");
  turn.setAttribute("aria-busy", "true");
  turn.setAttribute("aria-label", shown);
  const answer = make("div", "turn__answer");
  const status = make("p", "turn__status", words.thinking);
  const text = make("div", "turn__text");
  answer.append(status, text);
  turn.append(make("h2", "turn__question", shown), answer);
  turns.append(turn);
  turn.scrollIntoView({ block: "nearest" });
  return { turn, answer, status, text, streamed: "" };
}

function fail(view, message, step) {
  const banner = make("div", "banner banner--bad");
  banner.setAttribute("role", "alert");
  const said = make("p");
  said.append(make("strong", "", message));
  banner.append(said);
  if (step) banner.append(make("p", "", step));
  view.status.remove();
  view.answer.append(banner);
  view.turn.removeAttribute("aria-busy");
}

function warn(event) {
  const sos = document.getElementById("sos");
  const call = make("a", "krds-btn primary danger large", fill(words.call, { phone: event.phone }));
  call.href = `tel:${event.phone}`;
  const said = make("p");
  said.append(make("strong", "", event.text));
  const way = make("p");
  way.append(call);
  sos.replaceChildren(said, way);
  sos.hidden = false;
}

const drawn = {
  waiting: (event, view) => { view.status.textContent = fill(words.waiting, { n: event.position, s: Math.ceil(event.seconds) }); },
  retrieval: (event, view) => { view.status.textContent = fill(words.reading, { n: event.hits?.length ?? "" }); },
  delta: (event, view) => {
    view.streamed += event.text;
    speaker.hear(event.text);
    view.status.textContent = words.writing;
    view.text.replaceChildren(...view.streamed.split("\n").filter((line) => line.trim()).map((line) => make("p", "", line)));
  },
  say: (event, view) => {
    speaker.say(event.text);
    for (const line of event.text.split("\n")) if (line.trim()) view.answer.insertBefore(make("p", "", line), view.status);
  },
  routed: (event) => speaker.say(`${fill(words.routed, { name: event.name })} ${event.why}`),
  choices: (event) => speaker.say(`${event.question}: ${event.options.map((one) => one.label).join(", ")}`),
  ask_field: (event) => speaker.say([event.problem, event.field.label, event.field.help].filter(Boolean).join(". ")),
  card: (event) => speaker.say(event.sample ? `${event.title}. ${words.sample}` : event.title),
  handed_off: (event) => { speaker.say(`${words.handed} ${fill(words.handed_office, { office: event.office })}`); hear(); },
  emergency: warn,
};

async function send(said, shown) {
  const view = openTurn(shown);
  speaker.say(words.thinking);
  const response = await fetch("/api/v1/chat", {
    method: "POST",
    signal: abort.signal,
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...credentials() },
    body: JSON.stringify({ bot: box.dataset.bot || null, conversation_id: conversation() || null, language: box.dataset.language, ...said }),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ message: words.lost, next_step: words.lost_step }));
    fail(view, problem.message, problem.next_step);
    return false;
  }
  let ended = false;
  for await (const event of events(response)) {
    if (event.event === "accepted") {
      named(event.conversation_id);
      view.turn.id = `turn-${event.turn_id}`;
    } else if (event.event === "error") {
      fail(view, event.message, event.next_step);
      return true;
    } else if (event.event === "ended") ended = true;
    else drawn[event.event]?.(event, view);
  }
  speaker.end();
  if (!ended) { fail(view, words.lost, words.lost_step); return true; }
  if (!(await settle())) { view.status.remove(); view.turn.removeAttribute("aria-busy"); }
  return true;
}

// --- the server's own drawing of the whole conversation replaces the provisional one ---

async function settle(announce = false) {
  const response = await fetch(`/chat/c/${conversation()}/turns${framed ? "?framed=true" : ""}`, { headers: { "HX-Request": "true", ...credentials() } }).catch(() => null);
  if (!response?.ok) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("turns");
  if (!page) return false;
  turns.dataset.withPerson = page.dataset.withPerson;
  document.getElementById("welcome")?.remove();
  let before = null;
  for (const old of turns.querySelectorAll("article[data-kept]")) if (!page.querySelector(`[id="${old.id}"]`)) old.remove();
  for (const one of page.querySelectorAll("article[data-kept]")) before = place(one, before, announce);
  return true;
}

function place(one, before, announce) {
  const old = document.getElementById(one.id);
  if (old && old.dataset.drawn === String(one.outerHTML.length) && !old.hasAttribute("aria-busy")) return old;
  const size = one.outerHTML.length;
  const node = document.importNode(one, true);
  node.dataset.drawn = String(size);
  const focused = old?.contains(document.activeElement);
  if (old) old.replaceWith(node);
  else if (before) before.after(node);
  else turns.prepend(node);
  window.htmx?.process(node);
  ready(node);
  if (announce && !old) {
    if (node.classList.contains("turn--agent")) speaker.say(words.agent);
    speaker.say([...node.querySelectorAll(".turn__text, .handed")].map((part) => part.textContent.trim()).join(" "));
    node.scrollIntoView({ block: "nearest" });
  }
  if (focused) box.elements.text.focus({ preventScroll: true });
  return node;
}

// --- the agent's side, live ---

async function hear() {
  if (hearing || !conversation()) return;
  hearing = new AbortController();
  for (let pause = 1000; !hearing.signal.aborted; pause = Math.min(pause * 2, 30_000)) {
    try {
      const response = await fetch(`/api/v1/chat/${conversation()}/events`, { signal: hearing.signal, headers: { Accept: "text/event-stream", ...credentials() } });
      if (response.status === 404 || response.status === 403) break;
      if (response.ok) {
        await settle(true);
        for await (const event of events(response)) {
          pause = 1000;
          if (event.position !== undefined) moveUp(event);
          if (!abort) await settle(true);
        }
      }
    } catch (error) {
      if (error.name === "AbortError") break;
    }
    if (turns.dataset.withPerson !== "yes") break;
    await sleep(pause);
  }
  hearing = null;
}

function moveUp(event) {
  const line = [...document.querySelectorAll("[data-position]")].pop();
  if (!line) return;
  const place = event.position > 1 ? fill(words.handed_position, { n: event.position - 1 }) : words.handed_next;
  const minutes = event.expected_minutes ? ` ${fill(words.handed_minutes, { n: event.expected_minutes })}` : "";
  if (line.textContent !== place + minutes) { line.textContent = place + minutes; speaker.say(place + minutes); }
}

// --- what a form says ---

function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}

async function photo(file) {
  return { name: file.name, type: file.type, data: await base64(file) };
}

async function saidBy(form, button) {
  const own = (name) => form.elements[name]?.value ?? "";
  if (button?.name === "wants_person") return [{ wants_person: true }, words.said_person];
  if (button?.name === "choice") return [{ choice: button.value }, button.textContent.trim()];
  if (button?.name === "text") return [{ text: button.value }, button.value];
  const kind = form.dataset.field;
  if (!kind) return [{ text: own("text").trim() }, own("text").trim()];
  if (button?.name === "skip") return [{ value: "" }, button.textContent.trim()];
  if (button?.name === "value") {
    return [{ value: kind === "consent" ? button.value === "yes" : button.value }, button.textContent.trim()];
  }
  if (kind === "photo") {
    const file = form.elements.photo.files[0];
    if (!file) return [{ value: "" }, words.said_photo];
    if (file.size > PHOTO_BYTES) throw new Error(fill(words.too_big, { mb: PHOTO_BYTES / 1e6 }));
    return [{ value: await photo(file) }, `${words.said_photo}: ${file.name}`];
  }
  if (kind === "place") {
    const place = { address: own("value").trim() };
    if (own("lat")) Object.assign(place, { lat: Number(own("lat")), lon: Number(own("lon")) });
    return [{ value: place }, place.address || words.said_place];
  }
  return [{ value: own("value").trim() }, own("value").trim() || words.said_value];
}

function complain(form, message) {
  let line = form.querySelector(".form-hint-invalid[data-own]");
  if (!line) {
    line = make("p", "form-hint-invalid");
    line.dataset.own = "";
    line.setAttribute("role", "alert");
    form.append(line);
  }
  line.textContent = message;
}

// Rating and reopening of a consultation that has ended.
async function afterwards(form) {
  const body = form.dataset.after === "rating" ? { score: Number(form.elements.score.value), note: form.elements.note.value } : undefined;
  const response = await fetch(`/api/v1/chat/${conversation()}/ticket/${form.dataset.after}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...credentials() },
    body: body && JSON.stringify(body),
  }).catch(() => null);
  if (!response?.ok) {
    const problem = await response?.json().catch(() => null);
    complain(form, problem ? `${problem.message} ${problem.next_step}` : words.lost);
    return;
  }
  await settle(true);
  hear();
}

async function submitted(event) {
  const form = event.target;
  if (form.matches("[data-after]")) { event.preventDefault(); await afterwards(form); return; }
  if (!form.matches("[data-chat]")) return;
  event.preventDefault();
  if (abort) return;
  let said, shown;
  try {
    [said, shown] = await saidBy(form, event.submitter);
  } catch (error) {
    complain(form, error.message);
    return;
  }
  if (said.text === "") return;
  abort = new AbortController();
  stop.hidden = false;
  const typed = box.elements.text.value;
  if (form === box && said.text) box.elements.text.value = "";
  try {
    if (!(await send(said, shown)) && said.text && form === box) box.elements.text.value = typed;
  } catch (error) {
    const turn = document.querySelector('.turn[aria-busy="true"]');
    const view = turn && { turn, answer: turn.querySelector(".turn__answer"), status: turn.querySelector(".turn__status") };
    if (view) fail(view, error.name === "AbortError" ? words.stopped : words.lost, words.lost_step);
  } finally {
    abort = null;
    stop.hidden = true;
    focusNext(form);
  }
}

function focusNext(form) {
  const last = turns.querySelector("article:last-of-type");
  last?.scrollIntoView({ block: "nearest" });
  const field = last?.querySelector("[data-field] input:not([type=hidden]), [data-field] textarea, [data-field] button[type=submit]");
  const choice = form !== box && last?.querySelector(".choices button");
  (field || choice || box.elements.text).focus({ preventScroll: Boolean(!field && !choice) });
}

// --- where one stands ---

function locate(button) {
  const form = button.form;
  const told = form.querySelector("[data-here-said]");
  told.textContent = words.locating;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.lat.value = coords.latitude.toFixed(6);
      form.elements.lon.value = coords.longitude.toFixed(6);
      form.elements.value.required = false;
      told.textContent = `${words.located} (${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)})`;
    },
    () => { told.textContent = words.no_place; },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
  );
}

// --- the cited passage, in a dialog ---

async function openPassage(link) {
  const response = await fetch(link.dataset.passage, { headers: { "HX-Request": "true", ...credentials() } }).catch(() => null);
  if (!response?.ok) { window.open(link.href, framed ? "_blank" : "_self", "noopener"); return; }
  const dialog = document.getElementById("source");
  dialog.replaceChildren(...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes);
  dialog.querySelector("[data-close-side]").hidden = false;
  if (framed) for (const one of dialog.querySelectorAll("a[href]")) { one.target = "_blank"; one.rel = "noopener"; }
  dialog.showModal();
  dialog.querySelector("mark")?.scrollIntoView({ block: "nearest" });
}

function ready(root) {
  for (const button of root.querySelectorAll("[data-here]")) button.hidden = !navigator.geolocation || !window.isSecureContext;
}

document.addEventListener("submit", submitted);
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-passage]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); openPassage(link); }
  if (event.target.closest("[data-close-side]")) document.getElementById("source").close();
  const here = event.target.closest("[data-here]");
  if (here) locate(here);
  const focus = event.target.closest("[data-focus]");
  if (focus) { event.preventDefault(); document.getElementById(focus.dataset.focus).focus(); }
});
stop.addEventListener("click", () => abort?.abort());
box.elements.text.addEventListener("keydown", (event) => {
  // Enter ends a Korean syllable first; only a settled Enter sends.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
    event.preventDefault();
    box.requestSubmit(box.querySelector("button[type=submit]:not([name])"));
  }
});

ready(document);
box.dataset.ready = "";
const kept = framed && !conversation() && keep(`haechi-chat:${box.dataset.bot}`);
if (kept) box.elements.conversation_id.value = kept;
if (kept && !(await settle())) box.elements.conversation_id.value = "";
if (turns.dataset.withPerson === "yes") hear();
if (framed) window.parent.postMessage({ haechi: "ready" }, "*");
