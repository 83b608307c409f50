// Quicker, never necessary: every page works without this.
"use strict";

// A state that is ticked shows its accounts at once. Lists and dates do not: on the keyboard each
// key changes them.
for (const form of document.querySelectorAll("form.filter-form")) {
  for (const field of form.querySelectorAll("input[name=state]")) {
    field.addEventListener("change", () => form.requestSubmit());
  }
  // Empty fields stay out of the address.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) {
      if (value === "") event.formData.delete(name);
    }
  });
}

// What is shown stays what it is; a newer publication is offered.
const shown = document.body.dataset.publication;
async function look() {
  try {
    const answer = await fetch("/publication", { cache: "no-store" });
    const present = (await answer.json()).publication;
    if (present && present !== shown) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = "Show them";
      document.getElementById("newer").replaceChildren("Newer results are published. ", link);
      return;
    }
  } catch {
    // The server is away for a moment; the page still says what it said.
  }
  setTimeout(look, 30000);
}
if (shown) setTimeout(look, 30000);
