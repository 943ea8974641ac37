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

const state = document.getElementById("state");

function say(text) {
  state.textContent = text ?? "";
}

function complain(error) {
  console.error(error);
  say(error.message);
}

// One after another: the next move sees what the one before came to, and the last of them draws.
let moves = Promise.resolve();
let waiting = 0;

function enqueue(move) {
  waiting += 1;
  const done = moves.then(() => act(move));
  moves = done.then(drawPhone).catch(complain);
  return done;
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
    const came = response.ok ? await response.json() : { exchanges: [], refused: await response.text() };
    say(came.refused);
    return came;
  } finally {
    waiting -= 1;
    if (waiting === 0) {
      phone.classList.remove("is-loading");
      phone.removeAttribute("aria-busy");
    }
  }
}

// What had the focus before the sheet of a failure came over it.
let covered = null;

async function drawPhone() {
  if (waiting > 0) return;
  const html = await fragment("/phone");
  // Another move will draw, and this is old by then.
  if (waiting > 0) return;
  const focused = phone.contains(document.activeElement) ? document.activeElement : null;
  const before = document.getElementById("phone-screen")?.dataset.screen;
  const template = document.createElement("template");
  template.innerHTML = html;
  become(phone, template.content);
  const screen = document.getElementById("phone-screen");
  const is_same = screen.dataset.screen === before;
  if (!is_same) screen.scrollTop = 0;
  if (!focused) return;
  count(focused);
  const sheet = document.getElementById("phone-retry");
  if (sheet) {
    if (focused.id !== sheet.id) covered = focused.id;
    sheet.focus();
  } else if (!is_same || !phone.contains(focused) || focused.disabled) {
    const again = is_same && document.getElementById(phone.contains(focused) ? "" : (covered ?? ""));
    (again && !again.disabled ? again : screen).focus({ preventScroll: true });
    covered = null;
  }
}

// Makes the one's children into the other's, and leaves alone what is the same: focus, caret and an open list stay.
function become(parent, wanted) {
  let place = parent.firstChild;
  for (const want of [...wanted.childNodes]) {
    let match = want.id ? [...parent.children].find((it) => it.id === want.id) : place;
    if (match && (match.nodeName !== want.nodeName || (match.id ?? "") !== (want.id ?? ""))) match = null;
    if (!match) {
      parent.insertBefore(want, place);
      continue;
    }
    while (place !== match) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
    place = match.nextSibling;
    if (match.nodeType === Node.ELEMENT_NODE) becomeElement(match, want);
    else if (match.data !== want.data) match.data = want.data;
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function becomeElement(now, want) {
  // What is typed and not left yet is nowhere but here.
  const is_typed = now === document.activeElement && isUnsaved(now);
  for (const { name } of [...now.attributes]) if (!want.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of want.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  become(now, want);
  if (!now.matches("input, textarea, select") || now.type === "file" || is_typed) return;
  if (now.checked !== want.checked) now.checked = want.checked;
  // Written only where it is another: a date that is half typed is an empty one.
  const value = now.matches("select") ? selected(now) : want.defaultValue;
  if (now.value !== value) now.value = value;
}

function selected(select) {
  return [...select.options].find((option) => option.defaultSelected)?.value ?? "";
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

function isTyped(input) {
  return input?.matches?.("#phone :is(input, textarea)[data-field]:not([type=checkbox], [type=radio], [type=file])");
}

// The markup has what the phone holds.
function isUnsaved(input) {
  return isTyped(input) && input.value !== input.defaultValue;
}

function save(input) {
  if (!isUnsaved(input)) return;
  input.defaultValue = input.value;
  enqueue({ move: "fill", field: input.dataset.field, value: value(input) });
}

phone.addEventListener("change", (event) => {
  const input = event.target.closest("[data-field]");
  if (!input) return;
  if (input.dataset.kind === "files") {
    enqueue({ move: "pick", field: input.dataset.field, names: [...input.files].map((file) => file.name) });
  } else if (!isTyped(input)) {
    enqueue({ move: "fill", field: input.dataset.field, value: value(input) });
  } else if (!keyed.has(input)) {
    save(input);
  }
});

// A date that is typed changes with the first digit of its year; it counts when it is left.
const keyed = new WeakSet();

phone.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) save(event.target);
  else if (event.target.matches("[type=date]")) keyed.add(event.target);
});

phone.addEventListener("focusout", (event) => {
  keyed.delete(event.target);
  save(event.target);
});

function count({ id, value, maxLength }) {
  const counter = [...phone.querySelectorAll("[data-counter]")].find((it) => it.dataset.counter === id);
  if (counter) counter.textContent = `${[...value].length} / ${maxLength}`;
}

phone.addEventListener("input", (event) => count(event.target));

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tap], [data-move], [data-fault], [data-copy]");
  if (!button || button.disabled) return;
  const { tap, item, move, fault, number } = button.dataset;
  // What is typed and not left yet counts when something is tapped.
  save(document.activeElement);
  if (tap !== undefined) {
    enqueue({ move: "tap", id: tap, item: item ?? null });
  } else if (fault === "back" || fault === "reopen") {
    enqueue({ move: fault });
  } else if (fault !== undefined) {
    const seconds = document.querySelector("[data-seconds]")?.valueAsNumber;
    enqueue({ move: "fault", name: fault, seconds: fault === "slow" && seconds ? seconds : null });
    if (fault !== "error-notification") press(button);
  } else if (move === "back-to") {
    enqueue({ move, number: Number(number) });
  } else if (move !== undefined) {
    enqueue({ move });
  } else {
    copy(button).catch(complain);
  }
});

// The next request suffers one fault, the last that was asked for.
function press(button) {
  for (const it of document.querySelectorAll("[data-fault]")) it.setAttribute("aria-pressed", String(it === button));
}

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

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-edit]");
  if (!form) return;
  event.preventDefault();
  const said = form.querySelector("[data-said]");
  try {
    const { exchanges, refused } = await enqueue({ move: "send", request: JSON.parse(form.querySelector("textarea").value) });
    said.textContent = refused ?? "";
    if (exchanges.length > 0) await show(`/exchanges/${exchanges[0]}`);
  } catch (error) {
    said.textContent = error.message;
  }
});

// An entry opens beside the phone, and under its own address.
exchanges.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/exchanges/']");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  show(link.getAttribute("href")).catch(complain);
});

async function show(path) {
  await open(path);
  history.pushState(null, "", path);
}

async function open(path) {
  opened.innerHTML = path === "/" ? "" : await fragment(`${path}/detail`);
  mark();
}

function mark() {
  const number = document.getElementById("detail")?.dataset.number;
  for (const entry of exchanges.children) {
    const is_open = entry.dataset.number === number;
    entry.classList.toggle("selected", is_open);
    const link = entry.querySelector("a");
    if (is_open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

window.addEventListener("popstate", () => open(location.pathname).catch(complain));

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

exchanges.scrollTop = exchanges.scrollHeight;

// What came since the page was drawn is told first.
const events = new EventSource(`/events?after=${exchanges.lastElementChild?.dataset.number ?? 0}`);
let entries = Promise.resolve();
events.addEventListener("exchange", (event) => {
  const { number } = JSON.parse(event.data);
  entries = entries.then(() => append(number)).catch(complain);
});

async function append(number) {
  if (document.getElementById(`exchange-${number}`)) return;
  const html = await fragment(`/exchanges/${number}/entry`);
  // Whoever reads further up stays there.
  const is_at_end = exchanges.scrollHeight - exchanges.scrollTop - exchanges.clientHeight < 40;
  exchanges.insertAdjacentHTML("beforeend", html);
  if (is_at_end) exchanges.scrollTop = exchanges.scrollHeight;
  press(null);
  mark();
  filter();
}

// Somebody else may play as well: a program, or another window.
function drawLater() {
  moves = moves.then(drawPhone).catch(complain);
}
events.addEventListener("phone", drawLater);
events.addEventListener("flow", async () => {
  document.getElementById("findings").innerHTML = await fragment("/findings");
  drawLater();
});
events.addEventListener("reload", () => location.reload());
events.addEventListener("error", () => say("flowctl dev does not answer any more"));
events.addEventListener("open", () => say(""));
