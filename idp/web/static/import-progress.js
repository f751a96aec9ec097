// An import under way: the bar moves, and the page comes anew when the work is done.
const bar = document.querySelector("progress[data-progress]");
if (bar) {
  const text = document.getElementById("progress-text");
  const began = bar.dataset.status;
  const look = async () => {
    try {
      const answer = await fetch(bar.dataset.progress, { headers: { Accept: "application/json" } });
      if (answer.ok && !answer.redirected) {
        const { status, percent } = await answer.json();
        if (status !== began) return location.replace(location.pathname);
        bar.value = percent;
        if (text) text.textContent = `${percent} %`;
      } else if (answer.status < 500) return;
    } catch { /* offline for a moment: ask again */ }
    setTimeout(look, 1500);
  };
  setTimeout(look, 600);
}
