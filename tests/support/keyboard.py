"""A page by the keyboard alone: what Tab visits, in which order, and what is seen on the way.

The keys are really pressed, and what there is to visit is read from the document: a control that
Tab never reaches is as much a complaint as a stop that nobody can see (WCAG 2.2, 2.1.1, 2.1.2,
2.4.1, 2.4.3). With the focus every control has a ring of 3 px, is covered by nothing, in either
direction (2.4.7, 2.4.11), has a name, and is large enough to be hit: 44 px what a page is made
for, 24 px the rest, a link in a sentence as high as its line (2.5.8). What unfolds is unfolded by
its key first and folded up again afterwards, and the focus goes back to where it was.
"""

from __future__ import annotations

from playwright.sync_api import Page

_SET_UP = """() => {
  const seen = (e) => e.checkVisibility({ visibilityProperty: true });
  const called = (e) => {
    const name = e.id ? `#${e.id}` : e.className ? `.${e.className}` : "";
    return `${e.localName}${name} ${(e.textContent || e.value || "").trim().slice(0, 40)}`;
  };
  const stops = () => {
    const found = [];
    const wanted = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    for (const e of document.querySelectorAll(`${wanted}, [tabindex]:not([tabindex="-1"])`)) {
      if (!seen(e) || e.disabled || e.closest("[inert]")) continue;
      // The arrow keys move within a group of radio buttons; Tab stops at the one that is chosen.
      if (e.type === "radio") {
        const group = [...document.getElementsByName(e.name)].filter(
          (other) => other.form === e.form && seen(other) && !other.disabled
        );
        if (e !== (group.find((other) => other.checked) || group[0])) continue;
      }
      found.push(e);
    }
    return found;
  };
  const visited = [];
  const note = (event) => visited.push(event.target);
  document.addEventListener("focusin", note);
  const before = [document.activeElement, scrollX, scrollY];
  window.__keyboard = { seen, called, stops, visited, note, before };
  const folded = [...document.querySelectorAll("details:not([open]) > summary")].filter(
    (e) => seen(e) && !e.closest(".top")
  );
  window.__keyboard.folded = folded;
  return folded.length;
}"""

_FOCUS = "(at) => window.__keyboard.folded[at].focus()"

_STILL_FOLDED = """() => {
  const { called, folded } = window.__keyboard;
  return folded.filter((e) => !e.parentElement.open).map(called);
}"""

_BEGIN = """() => {
  const { visited, stops } = window.__keyboard;
  document.activeElement.blur();
  scrollTo(0, 0);
  getSelection().removeAllRanges();
  // Where Tab sets out from: the top, wherever a press or a focus was before.
  const start = document.createElement("span");
  start.tabIndex = -1;
  document.body.prepend(start);
  start.focus();
  start.remove();
  visited.length = 0;
  // A day or an hour is entered in parts, each a stop.
  const parts = { date: 3, month: 2, time: 2, "datetime-local": 5 };
  return stops().reduce((sum, e) => sum + 1 + (parts[e.type] || 0), 0);
}"""

_JUDGE = """() => {
  const { called, stops, visited } = window.__keyboard;
  const wrong = [];
  const expected = stops();
  const walked = visited.filter((e, at) => at === 0 || e !== visited[at - 1]);
  const again = walked.indexOf(walked[0], 1);
  if (again > 0) walked.length = again;
  for (const e of expected) if (!walked.includes(e)) wrong.push(`Tab never reaches ${called(e)}`);
  for (const e of walked) {
    if (!expected.includes(e)) wrong.push(`Tab stops at ${called(e)}: no control in sight`);
  }
  const both = walked.filter((e) => expected.includes(e));
  const order = expected.filter((e) => walked.includes(e));
  const off = both.findIndex((e, at) => e !== order[at]);
  if (off >= 0) wrong.push(`out of order: ${called(both[off])} before ${called(order[off])}`);

  for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (e.type === "hidden" || !window.__keyboard.seen(e)) continue;
    if (e.getAttribute("tabindex")) wrong.push(`tabindex=${e.tabIndex} on ${called(e)}`);
    if (e.closest("[aria-hidden=true]")) wrong.push(`aria-hidden around ${called(e)}`);
  }
  const main = document.querySelector("main");
  const first = expected[0];
  if (first && main && !main.contains(first)) {
    if (main.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_PRECEDING) {
      const to = first.hash && document.getElementById(first.hash.slice(1));
      if (to !== main) wrong.push(`${called(first)} comes before a way to the content`);
    }
  }
  for (const e of expected) {
    document.activeElement.blur();
    const plain = getComputedStyle(e);
    const ringed = plain.outlineStyle !== "none" && parseFloat(plain.outlineWidth) > 0;
    e.focus();
    const style = getComputedStyle(e);
    const ring = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    if (ringed || ring < 3) wrong.push(`no ring of its own on ${called(e)}: ${style.outline}`);
    const label = ["checkbox", "radio"].includes(e.type) ? e.labels[0] : null;
    const box = (label || e).getBoundingClientRect();
    const own = e.getBoundingClientRect();
    const name = e.getAttribute("aria-label") || e.title || (e.labels && e.labels[0]
      ? e.labels[0].textContent : e.textContent);
    if (!name.trim()) wrong.push(`no name: ${e.outerHTML.slice(0, 90)}`);
    if (own.width < 4 || own.height < 4) wrong.push(`too small to be seen: ${called(e)}`);
    // A link in a sentence is as high as its line (WCAG 2.5.8, "inline").
    const inline = style.display === "inline" && e.localName === "a";
    const beside = inline && e.parentElement.textContent.trim() !== e.textContent.trim();
    const least = e.matches(".button, .link, .eye, .input, select, summary, nav a") ? 44 : 24;
    if (!beside && (box.height < least - 0.5 || box.width < 24)) {
      wrong.push(`${Math.round(box.width)}x${Math.round(box.height)}: ${called(e)}`);
    }
  }
  for (const e of [...expected, ...expected.toReversed()]) {
    e.focus();
    const own = e.getClientRects()[0];
    const [x, y] = [own.left + own.width / 2, own.top + Math.min(own.height / 2, 12)];
    const over = document.elementFromPoint(x, y);
    const label = e.labels && e.labels[0];
    const mine = over && (e.contains(over) || (label && label.contains(over)));
    if (!mine) {
      const under = over ? called(over) : "the edge";
      wrong.push(`under ${under} while it has the focus: ${called(e)}`);
    }
  }
  return [...new Set(wrong)];
}"""

_TIDY = """() => {
  const { note, before, folded } = window.__keyboard;
  document.removeEventListener("focusin", note);
  const [focus, x, y] = before;
  if (focus && focus !== document.body) focus.focus(); else document.activeElement.blur();
  scrollTo(x, y);
  const open = folded.filter((e) => e.parentElement.open).map(window.__keyboard.called);
  delete window.__keyboard;
  return open;
}"""


def walk(page: Page) -> list[str]:
    """Everything that is wrong with a page for somebody who has only the keyboard."""
    wrong = []
    folded = page.evaluate(_SET_UP)
    for at in range(folded):
        page.evaluate(_FOCUS, at)
        page.keyboard.press("Enter")
    wrong += [f"Enter does not unfold {name}" for name in page.evaluate(_STILL_FOLDED)]
    presses = page.evaluate(_BEGIN)
    for _ in range(presses + 1):
        page.keyboard.press("Tab")
    wrong += page.evaluate(_JUDGE)
    for at in range(folded):
        page.evaluate(_FOCUS, at)
        page.keyboard.press("Enter")
    wrong += [f"Enter does not fold up {name}" for name in page.evaluate(_TIDY)]
    return wrong
