/* The menu of a phone lies over the page: when the focus goes on into the page, the menu is not in front of it. */
export function closeMenuBehindFocus() {
  const menu = document.getElementById("nav");
  const button = document.querySelector("[popovertarget='nav']");
  document.addEventListener("focusin", ({ target }) => {
    if (menu?.matches(":popover-open") && !menu.contains(target) && target !== button) menu.hidePopover();
  });
}
