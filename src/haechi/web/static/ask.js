// The conversation: streams an answer, opens cited passages beside it. Without this file the same forms and links work.

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

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

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");

// Whole sentences for screen readers, never single tokens.
class Speaker {
  constructor(log) { this.log = log; this.rest = ""; }
  say(text) { if (text.trim()) this.log?.append(make("p", "", text.trim())); }
  hear(text) {
    this.rest += text.replace(/\[\d+\]/g, "");
    const cut = Math.max(this.rest.lastIndexOf(". "), this.rest.lastIndexOf("\n"), /[.!?]\s*$/.test(this.rest) ? this.rest.length : -1);
    if (cut > 0) { this.say(this.rest.slice(0, cut + 1)); this.rest = this.rest.slice(cut + 1); }
  }
  end() { this.say(this.rest); this.rest = ""; }
}

function drawAnswer(box, text, citations) {
  const lines = text.split("\n").filter((line) => line.trim()).map((line) => {
    const p = make("p");
    for (const part of line.split(/(\[\d+\])/)) {
      const found = /^\[\d+\]$/.test(part) && citations.get(part.slice(1, -1));
      p.append(found ? marker(found) : part);
    }
    return p;
  });
  box.replaceChildren(...lines);
}

function address(citation) {
  return `/passages/${encodeURIComponent(citation.passage_id)}?quote=${encodeURIComponent((citation.quote ?? "").slice(0, 600))}`;
}

function marker(citation) {
  const link = make("a", "cite", String(citation.marker));
  link.href = address(citation);
  link.dataset.passage = link.href;
  link.setAttribute("aria-label", `${citation.marker}: ${citation.title} ${citation.locator ?? ""}`);
  return link;
}

function openTurn(turns, question, words) {
  document.getElementById("welcome")?.remove();
  const turn = make("article", "turn");
  turn.setAttribute("aria-busy", "true");
  const asked = make("h2", "turn__question", question);
  const answer = make("div", "turn__answer");
  const status = make("p", "turn__status", words.searching);
  const text = make("div", "turn__text");
  answer.append(status, text);
  turn.append(asked, answer);
  turns.append(turn);
  turn.scrollIntoView({ block: "nearest" });
  return { turn, answer, status, text };
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

// The server's own drawing of the finished turn replaces the provisional one: sources, person in charge, feedback.
async function settle(view, ids) {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const response = await fetch(`/ask/${ids.conversation_id}/turns/${ids.turn_id}`, { headers: { "HX-Request": "true" } });
    if (response.ok) {
      const drawn = new DOMParser().parseFromString(await response.text(), "text/html").querySelector(".turn");
      if (drawn) {
        const node = document.importNode(drawn, true);
        view.turn.replaceWith(node);
        window.htmx?.process(node);
        ready(node);
        return node;
      }
    }
    await sleep(300);
  }
  view.status.remove();
  view.turn.removeAttribute("aria-busy");
  return view.turn;
}

// A first question makes the conversation: address, heading and list follow without loading the page anew.
function nameConversation(id, question) {
  history.replaceState(null, "", `/ask/${id}`);
  document.querySelector(".ask__head h1").textContent = question.slice(0, 60);
  let list = document.getElementById("past-list");
  if (!list) {
    list = make("ul", "past");
    list.id = "past-list";
    document.getElementById("past-none")?.replaceWith(list);
  }
  const line = make("li");
  const link = make("a");
  link.href = `/ask/${id}`;
  link.setAttribute("aria-current", "page");
  link.append(make("span", "past__title", question.slice(0, 60)));
  line.append(link);
  list.prepend(line);
}

async function ask(form, csrf, words, abort) {
  const box = form.elements.question;
  const conversation = form.elements.conversation_id;
  const question = box.value.trim();
  const speaker = new Speaker(document.getElementById("say"));
  const view = openTurn(document.getElementById("turns"), question, words);
  const citations = new Map();
  let answer = "";
  let ids = null;
  let done = false;
  const say = (text) => { view.status.textContent = text; };
  speaker.say(words.searching);
  box.value = "";
  const response = await fetch("/api/v1/ask", {
    method: "POST",
    signal: abort.signal,
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", "X-CSRF-Token": csrf },
    body: JSON.stringify({ question, conversation_id: conversation.value || null, as_of: form.elements.as_of.value || null }),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ message: words.lost, next_step: words.lost_step }));
    box.value = question;
    fail(view, problem.message, problem.next_step);
    return;
  }
  for await (const event of events(response)) {
    if (event.event === "accepted") {
      ids = event;
      conversation.value = event.conversation_id;
      view.turn.id = `turn-${event.turn_id}`;
      if (location.pathname === "/ask") nameConversation(event.conversation_id, question);
    } else if (event.event === "waiting") say(fill(words.waiting, { n: event.position, s: Math.ceil(event.seconds) }));
    else if (event.event === "retrieval") say(fill(words.reading, { n: event.hits.length }));
    else if (event.event === "delta") {
      answer += event.text;
      speaker.hear(event.text);
      say(words.writing);
      drawAnswer(view.text, answer, citations);
    } else if (event.event === "citation") {
      if (!citations.has(String(event.marker))) citations.set(String(event.marker), event);
      drawAnswer(view.text, answer, citations);
    } else if (event.event === "done") done = true;
    else if (event.event === "error") { fail(view, event.message, event.next_step); return; }
  }
  speaker.end();
  if (!done) { fail(view, words.lost, words.lost_step); return; }
  await settle(view, ids);
}

function start(form, csrf) {
  const words = JSON.parse(form.dataset.words);
  const stop = document.getElementById("stop");
  const send = form.querySelector('button[type="submit"]');
  let abort = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (abort || !form.elements.question.value.trim()) return;
    abort = new AbortController();
    stop.hidden = false;
    send.setAttribute("aria-disabled", "true");
    const before = document.activeElement;
    try {
      await ask(form, csrf, words, abort);
    } catch (error) {
      const turn = document.querySelector('.turn[aria-busy="true"]');
      const view = turn && { turn, answer: turn.querySelector(".turn__answer"), status: turn.querySelector(".turn__status") };
      if (view) fail(view, error.name === "AbortError" ? words.stopped : words.lost, words.lost_step);
    } finally {
      abort = null;
      stop.hidden = true;
      send.removeAttribute("aria-disabled");
      if (before === send || before === stop) form.elements.question.focus({ preventScroll: true });
    }
  });
  stop.addEventListener("click", () => abort?.abort());
  form.elements.question.addEventListener("keydown", (event) => {
    // Enter ends a Korean syllable first; only a settled Enter sends.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  const shown = document.getElementById("as-of-shown");
  form.elements.as_of.addEventListener("change", (event) => { shown.textContent = event.target.value ? `: ${event.target.value}` : ""; });
}

// --- the cited passage, beside the answer ---

let openedFrom = null;

async function openPassage(link) {
  const side = document.getElementById("side");
  const response = await fetch(link.dataset.passage, { headers: { "HX-Request": "true" } });
  if (!response.ok) { location.href = link.href; return; }
  side.replaceChildren(...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes);
  side.hidden = false;
  side.parentElement.classList.add("has-side");
  side.querySelector("[data-close-side]").hidden = false;
  for (const other of document.querySelectorAll(".cite.is-open")) other.classList.remove("is-open");
  link.classList.add("is-open");
  openedFrom = link;
  side.querySelector("#passage-title").focus({ preventScroll: true });
  side.scrollTop = 0;
  side.querySelector("mark")?.scrollIntoView({ block: "nearest" });
}

function closePassage() {
  const side = document.getElementById("side");
  if (!side || side.hidden) return;
  side.hidden = true;
  side.parentElement.classList.remove("has-side");
  openedFrom?.classList.remove("is-open");
  openedFrom?.focus();
}

function ready(root) {
  for (const button of root.querySelectorAll("[data-copy-from]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      const turn = document.getElementById(button.dataset.copyFrom);
      const copy = turn.querySelector("[data-copy]").cloneNode(true);
      for (const mark of copy.querySelectorAll(".cite")) mark.textContent = `[${mark.textContent}]`;
      const sources = [...turn.querySelectorAll(".turn__sources li")].map((li) => `[${li.value}] ${li.querySelector("a").innerText.replace(/^\d+\s*/, "").trim()}`);
      await navigator.clipboard.writeText([[...copy.children].map((p) => p.textContent.trim()).join("\n"), ...sources].join("\n"));
      const words = JSON.parse(document.getElementById("askbox").dataset.words);
      const before = button.textContent;
      button.textContent = words.copied;
      document.getElementById("say").append(make("p", "", words.copied));
      setTimeout(() => { button.textContent = before; }, 1600);
    });
  }
}

export function talk(csrf) {
  const form = document.querySelector("[data-ask]");
  if (!form) return;
  start(form, csrf);
  ready(document);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-passage]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      openPassage(link);
    }
    if (event.target.closest("[data-close-side]")) closePassage();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closePassage(); });
  const brought = sessionStorage.getItem("haechi-question");
  if (brought && location.pathname === "/ask") {
    sessionStorage.removeItem("haechi-question");
    form.elements.question.value = brought;
    form.requestSubmit();
  }
}
