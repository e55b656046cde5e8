// Long lists: the first items, and a button for more.

/**
 * Append items to a list in chunks.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {number} size of a chunk
 * @param {(item: T, index: number) => HTMLElement} item
 * @returns {HTMLElement} the button, hidden if all items are shown
 */
function appendInChunks(list, items, size, item) {
  let shown = 0;
  const button = h("button", { type: "button", class: "more" });
  const append = () => {
    const chunk = items.slice(shown, shown + size).map((value, index) => item(value, shown + index));
    list.append(...chunk);
    shown += chunk.length;
    button.hidden = shown === items.length;
    button.textContent = `Show ${formatNumber(Math.min(size, items.length - shown))} more of ${formatNumber(items.length)}`;
    return chunk[0];
  };
  append();
  button.addEventListener("click", () => append()?.querySelector("a")?.focus());
  return button;
}
