"use strict";
(() => {
  const form = document.getElementById("filter");
  const edits = [...document.querySelectorAll("#edits article")];
  const told = document.getElementById("told");
  if (!form) return;
  const fold = (text) => text.normalize("NFKC").toLocaleLowerCase("en");
  const texts = edits.map((edit) => fold(edit.textContent));
  const choose = () => {
    const words = fold(form.elements.words.value).trim();
    let shown = 0;
    edits.forEach((edit, number) => {
      const fits = ["kind", "language", "pass"].every((name) => {
        const wanted = form.elements[name].value;
        return !wanted || edit.dataset[name] === wanted;
      });
      edit.hidden = !(fits && (!words || texts[number].includes(words)));
      shown += edit.hidden ? 0 : 1;
    });
    told.textContent = `${shown} of ${edits.length} edits`;
  };
  // An address that ends in #kind=...&language=...&words=... shows what it names; the table of kinds links there.
  const follow = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const names = ["words", "kind", "language", "pass"];
    if (names.some((name) => wanted.has(name))) {
      names.forEach((name) => { form.elements[name].value = wanted.get(name) ?? ""; });
      choose();
      document.getElementById("edits").scrollIntoView();
    }
  };
  form.hidden = false;
  form.addEventListener("input", choose);
  form.addEventListener("reset", () => setTimeout(choose));
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  choose();
  follow();
})();
