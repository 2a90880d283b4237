/** Single-key shortcuts of the call screen. WCAG 2.1.4: they can all be turned off. */

export type Shortcut =
  | "microphone"
  | "camera"
  | "share"
  | "chat"
  | "people"
  | "layout"
  | "page-back"
  | "page-next"
  | "fullscreen"
  | "talk"
  | "help";

/** As the help sheet lists them. */
export const SHORTCUTS: readonly { readonly key: string; readonly shortcut: Shortcut }[] = [
  { key: "M", shortcut: "microphone" },
  { key: "V", shortcut: "camera" },
  { key: "S", shortcut: "share" },
  { key: "C", shortcut: "chat" },
  { key: "P", shortcut: "people" },
  { key: "L", shortcut: "layout" },
  { key: "PageUp", shortcut: "page-back" },
  { key: "PageDown", shortcut: "page-next" },
  { key: "F", shortcut: "fullscreen" },
  { key: " ", shortcut: "talk" },
  { key: "?", shortcut: "help" },
];

export type KeyPress = {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  /** Where the keyboard is: in a text, on a control that Space presses, or elsewhere. */
  readonly focus: "text" | "control" | "page";
};

export function shortcutOf(press: KeyPress): Shortcut | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey || press.repeat || press.isComposing || press.focus === "text")
    return undefined;
  if (press.key === " " && press.focus === "control") return undefined;
  return SHORTCUTS.find(({ key }) => key.toLowerCase() === press.key.toLowerCase())?.shortcut;
}

export function focusOf(target: EventTarget | null): KeyPress["focus"] {
  if (!(target instanceof Element)) return "page";
  if (target.closest("input, textarea, select, [contenteditable], dialog, [role=menu]") !== null) return "text";
  return target.closest("button, a, summary, [role=button], [tabindex]:not([tabindex='-1'])") === null ? "page" : "control";
}
