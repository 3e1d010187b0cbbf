// Puts the city's chatbot on another site: one button, and a frame that opens above it.
// <script src="https://…/widget.js" data-bot="seoul_talk" data-language="ko" defer></script>
(() => {
  const script = document.currentScript;
  const home = new URL(script.src).origin;
  const { bot = "", language = "ko", label = "" } = script.dataset;
  const words = language === "en"
    ? { open: "Chatbot", close: "Close", title: "The city's chatbot", failed: "The chatbot cannot be shown here. Open it in a new window." }
    : { open: "챗봇", close: "닫기", title: "도시 챗봇", failed: "여기서는 챗봇을 띄울 수 없습니다. 새 창에서 여세요." };
  const STYLE = `
    :host { all: initial; }
    * { box-sizing: border-box; font-family: "Pretendard GOV", Pretendard, "Noto Sans KR", sans-serif; }
    .open { position: fixed; right: 20px; bottom: 20px; z-index: 2147483000; min-width: 64px; min-height: 56px; padding: 0 20px; border: 0; border-radius: 28px; background: #0b50d0; color: #fff; font-size: 17px; font-weight: 700; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 30%); }
    .open:focus-visible, .away:focus-visible, a:focus-visible { outline: 3px solid #052b57; outline-offset: 2px; }
    .frame { position: fixed; right: 20px; bottom: 90px; z-index: 2147483000; display: flex; flex-direction: column; width: min(440px, calc(100vw - 24px)); height: min(680px, calc(100vh - 110px)); border: 1px solid #cdd1d5; border-radius: 14px; overflow: hidden; background: #fff; box-shadow: 0 8px 32px rgb(0 0 0 / 25%); }
    .frame[hidden] { display: none; }
    .bar { display: flex; justify-content: flex-end; background: #052b57; }
    .away { min-width: 44px; min-height: 44px; border: 0; background: none; color: #fff; font-size: 15px; cursor: pointer; }
    iframe { flex: 1; width: 100%; border: 0; }
    p { margin: 0; padding: 16px; font-size: 16px; color: #1e2124; }
    @media (max-width: 480px) { .frame { right: 0; bottom: 0; width: 100vw; height: 100vh; border-radius: 0; } }`;

  const host = document.createElement("div");
  host.id = "haechi-widget";
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const open = make("button", "open", label || words.open);
  open.type = "button";
  open.setAttribute("aria-expanded", "false");
  const frame = make("section", "frame");
  frame.hidden = true;
  frame.setAttribute("aria-label", words.title);
  const bar = make("div", "bar");
  const away = make("button", "away", words.close);
  away.type = "button";
  bar.append(away);
  frame.append(bar);
  root.append(open, frame);

  const address = (path) => {
    const url = new URL(path, home);
    if (language) url.searchParams.set("lang", language);
    return url.href;
  };

  // A site that is not on the list gets an empty frame from the browser; then the way around is shown.
  function load() {
    const inner = make("iframe", "");
    inner.title = words.title;
    inner.allow = "geolocation";
    inner.src = address(`/widget${bot ? `/${encodeURIComponent(bot)}` : ""}`);
    frame.append(inner);
    const late = setTimeout(() => {
      const failed = make("p", "");
      const link = make("a", "", words.failed);
      link.href = address(`/chat${bot ? `/${encodeURIComponent(bot)}` : ""}`);
      link.target = "_blank";
      link.rel = "noopener";
      failed.append(link);
      inner.replaceWith(failed);
    }, 8000);
    window.addEventListener("message", (event) => {
      if (event.origin === home && event.source === inner.contentWindow && event.data?.haechi === "ready") clearTimeout(late);
    });
  }

  function show(yes) {
    if (yes && !frame.querySelector("iframe, p")) load();
    frame.hidden = !yes;
    open.setAttribute("aria-expanded", String(yes));
    (yes ? away : open).focus();
  }
  open.addEventListener("click", () => show(frame.hidden));
  away.addEventListener("click", () => show(false));
  frame.addEventListener("keydown", (event) => { if (event.key === "Escape") show(false); });
  const put = () => document.body.append(host);
  if (document.body) put();
  else document.addEventListener("DOMContentLoaded", put);
})();
