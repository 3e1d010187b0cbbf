// What the pages do beyond plain HTML. Everything here only quickens what forms and links already do without it.
import { talk } from "./ask.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = csrf;
});

// A fragment must never be a whole page: after a session has ended the page itself says so.
document.addEventListener("htmx:before:swap", (event) => {
  const text = event.detail.ctx?.text ?? "";
  if (/^\s*<!doctype/i.test(text)) {
    event.preventDefault();
    location.reload();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.hasAttribute("data-upload")) {
    const button = form.querySelector('button[type="submit"]');
    button.textContent = form.dataset.sending;
    button.setAttribute("aria-disabled", "true");
    form.addEventListener("submit", (again) => again.preventDefault());
  }
});

// The box on the start page carries its question over to the conversation, where the answer streams.
document.querySelector("[data-ask-start]")?.addEventListener("submit", (event) => {
  const question = event.target.elements.question.value.trim();
  event.preventDefault();
  if (!question) return;
  sessionStorage.setItem("haechi-question", question);
  location.assign("/ask");
});

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

for (const drop of document.querySelectorAll("[data-drop]")) {
  const input = drop.querySelector('input[type="file"]');
  const list = drop.querySelector("[data-drop-list]");
  const show = () => {
    list.replaceChildren(...[...input.files].map((file) => {
      const line = document.createElement("li");
      const name = document.createElement("span");
      const weight = document.createElement("span");
      name.textContent = file.name;
      weight.textContent = size(file.size);
      line.append(name, weight);
      return line;
    }));
  };
  input.addEventListener("change", show);
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
  }
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const taken = new DataTransfer();
    for (const file of input.multiple ? event.dataTransfer.files : [...event.dataTransfer.files].slice(0, 1)) taken.items.add(file);
    input.files = taken.files;
    show();
  });
}

for (const group of document.querySelectorAll("[data-only-grade]")) {
  const grade = group.closest("form")?.querySelector('[name="grade"]');
  const fit = () => { group.hidden = grade.value !== group.dataset.onlyGrade; };
  if (grade) { grade.addEventListener("change", fit); fit(); }
}

for (const part of document.querySelectorAll("[data-open-wide]")) part.open = matchMedia("(min-width: 900px)").matches;

document.getElementById("problem")?.focus();
talk(csrf);
