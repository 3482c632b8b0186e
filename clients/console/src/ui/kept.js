// Choices that this browser keeps. Where it keeps nothing, they hold as long as the page is open.
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, choice) {
  try {
    localStorage.setItem(name, choice);
  } catch {
    // not kept, then
  }
}
