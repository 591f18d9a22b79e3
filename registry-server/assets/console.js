// Comfort only: every page works without this file.
// The slider shows its state as soon as it rests; "[" and "]" step one event; "/" goes to the jump box.
const slider = document.querySelector('input[type="range"][name="revision"]');
if (slider) {
  slider.addEventListener("change", () => {
    sessionStorage.setItem("focus", "slider");
    slider.form.requestSubmit();
  });
  if (sessionStorage.getItem("focus") === "slider") slider.focus();
  sessionStorage.removeItem("focus");
}
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = document.querySelectorAll(".slider .step");
  if (event.key === "[" && steps[0]?.href) steps[0].click();
  if (event.key === "]" && steps[1]?.href) steps[1].click();
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("jump").focus();
  }
});
