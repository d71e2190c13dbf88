// Before the first paint: the theme chosen by hand, where one was.
try {
  const theme = localStorage.getItem('notabene.theme');
  if (theme === '"dark"' || theme === '"light"') {
    document.documentElement.dataset.theme = JSON.parse(theme);
  }
} catch {
  // no storage: the system's theme
}
