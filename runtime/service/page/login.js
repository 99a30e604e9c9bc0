"use strict";
// A link may carry the token behind its "#", which browsers send to nobody.
if (location.hash.length > 1) {
  const form = document.querySelector("form");
  form.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  form.submit();
}
