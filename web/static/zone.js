// Picks the visitor's own time zone in the form. Without this script the clinic's stays picked.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const choice = document.querySelector("select[data-zone]");
  if (!choice) return;
  const name = document.querySelector("[data-zone-name]");
  const time = document.querySelector("[data-zone-time]");

  const inWords = (zone) => zone.split("/").slice(1).reverse().join(", ").replaceAll("_", " ") || zone;

  const show = () => {
    const option = choice.selectedOptions[0];
    name.textContent = option ? option.textContent : choice.value;
    try {
      const clock = new Intl.DateTimeFormat("en-GB", {
        timeZone: choice.value, hour: "numeric", minute: "2-digit",
      });
      time.textContent = `, where it is ${clock.format(new Date())} now`;
    } catch {
      time.textContent = "";
    }
  };

  const detected = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (choice.dataset.zone === "detect" && detected) {
    if (![...choice.options].some((option) => option.value === detected)) {
      choice.prepend(new Option(inWords(detected), detected));
    }
    choice.value = detected;
  }
  choice.addEventListener("change", show);
  show();
});
