// Before the page's own script is there. A file of its own because the page's content security policy allows no inline script.
(() => {
  // Before the first paint: the theme that was chosen, else the system's.
  let chosen = null;
  try {
    chosen = localStorage.getItem('mantine-color-scheme-value');
  } catch {
    // Storage is refused: the system's theme it is.
  }
  const dark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
(() => {
  // What is shown first is asked for while the script is still on its way; first-answers.ts takes it.
  const prefix = document.querySelector('meta[name="headcount-path"]')?.content ?? '';
  const path = location.pathname.slice(prefix.length);
  if (['/login', '/setup', '/join', '/reset'].includes(path)) return;
  const asked = ['/api/me'];
  if (path === '/' || path === '')
    asked.push(`/api/overview?from=${new Date().setHours(0, 0, 0, 0)}`, '/api/issues?open=true&limit=500');
  const ask = (what) => fetch(prefix + what, { headers: { accept: 'application/json' } });
  window.headcountFirst = new Map(asked.map((what) => [what, ask(what).catch(() => undefined)]));
})();
