/** Copying with an answer that goes away by itself. */
import { useEffect, useState } from "react";

const ANSWER_MS = 2000;

export type Copied = "no" | "yes" | "failed";

export function useCopy(): { readonly copied: Copied; readonly copy: (text: string) => void } {
  const [copied, setCopied] = useState<Copied>("no");
  useEffect(() => {
    if (copied === "no") return;
    const timer = setTimeout(() => setCopied("no"), ANSWER_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (text: string) => {
    writeText(text).then(
      () => setCopied("yes"),
      () => setCopied("failed"),
    );
  };
  return { copied, copy };
}

async function writeText(text: string): Promise<void> {
  // Plain http has no navigator.clipboard; a selected text area still copies there.
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copying was refused");
}
