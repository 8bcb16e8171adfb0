// Sets the chosen colours before the page is painted; the switch itself is in console.js.
'use strict'
try {
  const chosen = localStorage.getItem('stentor-theme')
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
} catch {
  // Without storage the system's colours hold.
}
