// The console's page: sends what the user does, and replaces what changed. All markup comes from the server, escaped.
"use strict";

const phone = document.getElementById("phone");
const exchanges = document.getElementById("exchanges");
const opened = document.getElementById("opened");

async function fragment(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}

async function act(move) {
  phone.classList.add("is-loading");
  phone.setAttribute("aria-busy", "true");
  try {
    const response = await fetch("/act", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(move),
    });
    return response.ok ? await response.json() : { exchanges: [], refused: await response.text() };
  } finally {
    await drawPhone();
    phone.classList.remove("is-loading");
    phone.removeAttribute("aria-busy");
  }
}

// The focus stays on the same element, the caret in its place.
async function drawPhone() {
  const html = await fragment("/phone");
  const { id, selectionStart, selectionEnd } = phone.contains(document.activeElement) ? document.activeElement : {};
  const before = document.getElementById("phone-screen");
  const [screen, top] = [before?.dataset.screen, before?.scrollTop ?? 0];
  phone.innerHTML = html;
  const now = document.getElementById("phone-screen");
  if (now?.dataset.screen === screen) now.scrollTop = top;
  const again = id && document.getElementById(id);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (selectionStart !== null && selectionStart !== undefined) again.setSelectionRange?.(selectionStart, selectionEnd);
}

// One after another: the next move sees what the one before came to.
let moves = Promise.resolve();
function enqueue(move) {
  moves = moves.then(() => act(move)).catch((error) => console.error(error));
  return moves;
}

function value(input) {
  const field = input.dataset.field;
  const all = (selector) => [...phone.querySelectorAll(selector)].filter((it) => it.dataset.field === field);
  switch (input.dataset.kind) {
    case "choices":
      return all("input[data-kind=choices]").filter((it) => it.checked).map((it) => it.value);
    case "switch":
      return input.checked;
    case "range": {
      const parts = all("[data-kind=range]").filter((it) => it.value).map((it) => [it.dataset.part, it.value]);
      return parts.length ? Object.fromEntries(parts) : null;
    }
    default:
      return input.value === "" ? null : input.value;
  }
}

phone.addEventListener("change", (event) => {
  const input = event.target.closest("[data-field]");
  if (!input) return;
  if (input.dataset.kind === "files") {
    enqueue({ move: "pick", field: input.dataset.field, names: [...input.files].map((file) => file.name) });
  } else {
    enqueue({ move: "fill", field: input.dataset.field, value: value(input) });
  }
});

// What is typed and not left yet counts when something is tapped.
function typed() {
  const input = document.activeElement?.closest?.("#phone [data-kind=text]");
  if (input && input.value !== input.defaultValue) input.blur();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tap], [data-move], [data-fault], [data-copy]");
  if (!button || button.disabled) return;
  const { tap, item, move, fault, number } = button.dataset;
  if (tap !== undefined) {
    typed();
    enqueue({ move: "tap", id: tap, item: item ?? null });
  } else if (fault === "back" || fault === "reopen") {
    enqueue({ move: fault });
  } else if (fault !== undefined) {
    const seconds = document.querySelector("[data-seconds]")?.valueAsNumber;
    enqueue({ move: "fault", name: fault, seconds: fault === "slow" && seconds ? seconds : null });
    if (fault !== "error-notification") button.setAttribute("aria-pressed", "true");
  } else if (move === "back-to") {
    enqueue({ move, number: Number(number) });
  } else if (move !== undefined) {
    enqueue({ move });
  } else {
    copy(button);
  }
});

phone.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input[data-kind=text]")) event.target.blur();
});

async function copy(button) {
  const text = await fragment(`/exchanges/${button.dataset.number}/copy/${button.dataset.copy}`);
  const shown = document.querySelector("[data-copied]");
  if (shown) {
    shown.textContent = text;
    shown.hidden = false;
  }
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // It stands there to be copied by hand.
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-edit]");
  if (!form) return;
  event.preventDefault();
  const area = form.querySelector("textarea");
  const said = form.querySelector("[data-said]");
  try {
    const request = JSON.parse(area.value);
    if (said) said.textContent = "";
    enqueue({ move: "send", request }).then(() => undefined);
  } catch (error) {
    if (said) said.textContent = error.message;
  }
});

// An entry opens beside the phone, and under its own address.
exchanges?.addEventListener("click", async (event) => {
  const link = event.target.closest("a[href^='/exchanges/']");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  await open(link.getAttribute("href"));
  history.pushState(null, "", link.getAttribute("href"));
});

async function open(path) {
  opened.innerHTML = path === "/" ? "" : await fragment(`${path}/detail`);
  for (const entry of exchanges.children) entry.classList.toggle("selected", path === `/exchanges/${entry.dataset.number}`);
}

window.addEventListener("popstate", () => open(location.pathname));

function filter() {
  const words = (document.querySelector("[data-filter]")?.value ?? "").toLowerCase();
  for (const entry of exchanges.children) entry.hidden = !entry.textContent.toLowerCase().includes(words);
}

document.querySelector("[data-filter]")?.addEventListener("input", filter);

// Looks are the reader's own, and stay.
const looks = JSON.parse(localStorage.getItem("looks") ?? "{}");

function look(name, chosen) {
  looks[name] = chosen;
  localStorage.setItem("looks", JSON.stringify(looks));
  if (name === "width") {
    phone.style.setProperty("--width", `${chosen}px`);
  } else if (name !== "redact") {
    phone.dataset[name] = chosen;
  }
}

for (const control of document.querySelectorAll("[data-look], [data-redact]")) {
  const name = control.dataset.look ?? "redact";
  const is_switch = control.type === "checkbox";
  if (looks[name] !== undefined) {
    if (is_switch) control.checked = looks[name];
    else control.value = looks[name];
  }
  const chosen = () => (is_switch ? control.checked : control.value);
  look(name, chosen());
  control.addEventListener("input", () => look(name, chosen()));
}

const events = new EventSource("/events");
events.addEventListener("exchange", async (event) => {
  const { number } = JSON.parse(event.data);
  const html = await fragment(`/exchanges/${number}/entry`);
  if (document.getElementById(`exchange-${number}`)) return;
  exchanges.insertAdjacentHTML("beforeend", html);
  exchanges.scrollTop = exchanges.scrollHeight;
  for (const pressed of document.querySelectorAll("[data-fault][aria-pressed=true]")) pressed.setAttribute("aria-pressed", "false");
  filter();
});
// Somebody else may play as well: a program, or another window.
events.addEventListener("phone", () => {
  if (!phone.classList.contains("is-loading")) drawPhone();
});
events.addEventListener("flow", async () => {
  document.getElementById("findings").outerHTML = await fragment("/findings");
  await drawPhone();
});
events.addEventListener("reload", () => location.reload());
