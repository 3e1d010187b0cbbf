// Check-in at the door. Every scan is kept on this device until the city has answered it; its nonce makes it count once.
const form = document.querySelector("#scan");
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const place = form.dataset.address;
const shelf = `haechi-scans:${place}`;
const words = JSON.parse(document.querySelector("#scan-words").textContent);
const list = document.querySelector("#scan-results");
const state = document.querySelector("#scan-state");

const kept = () => JSON.parse(localStorage.getItem(shelf) ?? "[]");
const keep = (scans) => localStorage.setItem(shelf, JSON.stringify(scans));

function show(nonce, text, tone) {
  let line = document.getElementById(`s-${nonce}`);
  if (!line) {
    line = document.createElement("li");
    line.id = `s-${nonce}`;
    line.className = "card";
    list.prepend(line);
  }
  line.dataset.tone = tone;
  line.textContent = text;
}

function count() {
  const waiting = kept().length;
  state.textContent = waiting ? words.waiting.replace("{n}", waiting) : words.sent;
}

let sending = false;
async function send() {
  const scans = kept();
  if (sending || !scans.length) return count();
  sending = true;
  try {
    const answer = await fetch(place, {
      method: "POST",
      headers: { "content-type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify({ scans: scans.slice(0, 500) }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = (await answer.json()).scans;
    for (const one of told) {
      const first = one.first_at ? ` (${new Date(one.first_at).toLocaleTimeString()})` : "";
      show(one.nonce, `${words[one.outcome]} ${one.name}${first}`, one.outcome === "확인" ? "good" : "bad");
    }
    const done = new Set(told.map((one) => one.nonce));
    keep(kept().filter((one) => !done.has(one.nonce)));
  } catch {
    // no network, or the city is busy: the scans stay here and are sent again
  } finally {
    sending = false;
    count();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = form.querySelector("#code");
  const code = field.value.trim();
  if (!code) return;
  const scan = { nonce: crypto.randomUUID(), code, list: form.querySelector("#list").value, at: new Date().toISOString() };
  keep([...kept(), scan]);
  show(scan.nonce, `${words.kept} ${code}`, "wait");
  field.value = "";
  field.focus();
  send();
});
addEventListener("online", send);
setInterval(send, 5000);
send();
