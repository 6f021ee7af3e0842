// Makes the pages quicker to use. Every page works without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// A page of ours as a document of its own. The browser parses it without running anything in it.
const load = (address) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.response ? resolve(request) : reject(request.status));
    request.onerror = () => reject(0);
    request.send();
  });

// Filters: results follow what is typed and chosen, and the address follows the results.
const follow = (form) => {
  const results = () => document.getElementById(form.dataset.live);
  let timer = 0;
  let asked = 0;
  const refresh = () => {
    const pairs = [...new FormData(form)].filter(([, text]) => text !== "");
    const address = form.getAttribute("action") + "?" + new URLSearchParams(pairs);
    const mine = ++asked;
    results().classList.add("is-busy");
    load(address).then(
      (request) => {
        const fresh = request.response.getElementById(form.dataset.live);
        if (mine !== asked) return;
        if (!fresh) return location.assign(address);
        results().replaceWith(document.adoptNode(fresh));
        history.replaceState(null, "", address);
      },
      () => location.assign(address),
    );
  };
  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, event.target.type === "search" ? 180 : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    refresh();
  });
  all("[data-without-script]", form).forEach((element) => (element.hidden = true));
};

// News: a part of a page that is marked so is asked for again while somebody looks at it.
const watch = () => {
  const part = document.querySelector("[data-watch]");
  const later = () => setTimeout(watch, 2000);
  if (!part || document.hidden) return later();
  load(location.href).then((request) => {
    const fresh = request.response.getElementById(part.id);
    if (fresh && part.isConnected && fresh.textContent !== part.textContent) part.replaceWith(document.adoptNode(fresh));
    later();
  }, later);
};

// Questions: a page that asks before something happens opens above the one it is about. Escape closes it.
const ask = (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  load(link.href).then(
    (request) => {
      const question = request.response.querySelector("[data-question]");
      if (!question) return location.assign(link.href);
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-labelledby", "question");
      dialog.append(document.adoptNode(question));
      const cancel = dialog.querySelector("[data-cancel]");
      if (cancel) cancel.addEventListener("click", (click) => (click.preventDefault(), dialog.close()));
      dialog.addEventListener("click", (click) => click.target === dialog && dialog.close());
      dialog.addEventListener("close", () => (dialog.remove(), link.focus()));
      document.body.append(dialog);
      dialog.showModal();
    },
    () => location.assign(link.href),
  );
};

// Values: what has several lines does not fit a password field; pasted there, it goes to the field that takes it.
const paste = (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.dataset.lines === undefined) return;
  const text = event.clipboardData.getData("text");
  if (!/[\r\n]/.test(text.replace(/\r?\n$/, ""))) return;
  const area = document.getElementById(field.dataset.lines);
  event.preventDefault();
  area.closest("details").open = true;
  area.value = text;
  field.value = "";
  area.focus();
};

// Files: read here, in the browser, into the text field beside.
const takeFile = async (file, area) => {
  if (file && file.size <= 1 << 20) {
    area.value = await file.text();
    area.focus();
  }
};
const files = (picker) => {
  const area = document.getElementById(picker.dataset.into);
  picker.closest("[hidden]")?.removeAttribute("hidden");
  picker.addEventListener("change", () => takeFile(picker.files[0], area).then(() => (picker.value = "")));
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    takeFile(event.dataTransfer.files[0], area);
  });
};

// What was typed into a page that was left is gone when one comes back to it.
const wipe = () => all("input[type=password], textarea, [data-wipe]").forEach((field) => (field.value = ""));
addEventListener("pagehide", wipe);
addEventListener("pageshow", (event) => event.persisted && location.reload());

// What is shown once: a button that copies it. Where the browser lends no clipboard, it is marked to be copied by hand.
const copy = async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.select();
  await navigator.clipboard?.writeText(field.value).then(
    () => (button.textContent = "Copied"),
    () => field.focus(),
  );
};

// A narrow screen shows a part of the menu: the part where one is.
const menu = document.querySelector(".side nav");
const here = menu?.querySelector("[aria-current]");
if (here) menu.scrollLeft = here.offsetLeft - (menu.clientWidth - here.offsetWidth) / 2;

document.addEventListener("click", ask);
document.addEventListener("click", copy);
all("[data-copies]").forEach((button) => (button.hidden = false));
all("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => print());
});
document.addEventListener("paste", paste);
all("form[data-live]").forEach(follow);
all("input[type=file][data-into]").forEach(files);
addEventListener("focusin", (event) => event.target.matches("[data-copy]") && event.target.select());
if (document.querySelector("[name=follow]")) watch();
