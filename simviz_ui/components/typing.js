// Whether a key is meant for a field in which text is being typed, and not for the page.
const TYPED_IN = "textarea, select, input:not([type=checkbox], [type=radio], [type=range])";
function isTyping(event) {
  const target = event.composedPath()[0];
  return Boolean(target.isContentEditable || target.closest?.(TYPED_IN));
}
