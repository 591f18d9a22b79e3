// Comfort only: every page works without this file.
// The slider shows its state as soon as it rests and says where it is on the way.
const slider = document.querySelector('input[type="range"][name="revision"]');
if (slider) {
  slider.addEventListener("input", () => {
    // Of a long list only the part in sight has its names here.
    const stop = slider.list.querySelector(`option[value="${slider.value}"]`);
    slider.setAttribute("aria-valuetext", stop ? `${slider.value}: ${stop.label}` : slider.value);
    slider.form.querySelector("output").value = `${slider.value} of ${slider.max}`;
  });
  slider.addEventListener("change", () => {
    sessionStorage.setItem("focus", "slider");
    slider.form.requestSubmit();
  });
  if (sessionStorage.getItem("focus") === "slider") slider.focus();
  sessionStorage.removeItem("focus");
}

// The chosen event of a long list stands in sight.
const chosen = document.querySelector(".events tr[aria-current]");
if (chosen) {
  const list = chosen.closest(".scroll");
  list.scrollTop = chosen.offsetTop - list.clientHeight / 2;
}

// Single keys, with a switch: somebody who speaks to the computer must be able to turn them off.
const keys = document.getElementById("keys");
const switchKeys = keys.querySelector("button");
const off = () => localStorage.getItem("keys") === "off";
const label = () => { switchKeys.textContent = off() ? "Turn on" : "Turn off"; };
switchKeys.addEventListener("click", () => {
  localStorage.setItem("keys", off() ? "on" : "off");
  label();
});
label();
keys.hidden = false;
document.addEventListener("keydown", (event) => {
  if (off() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const rel = { "[": "prev", "]": "next" }[event.key];
  if (rel) document.querySelector(`.step[rel="${rel}"]`)?.click();
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("jump").focus();
  }
});
