/** News of a call: each spoken once, shown for a while; errors stay until they are put away. */
import { useEffect, useState } from "react";
import { type Translate, useI18n } from "../i18n/index.tsx";
import type { ShownError } from "../text/errors.ts";
import type { Call, Notice } from "./model.ts";

const SHOWN_MS = 4500;
/** More at once would hide the faces. */
const AT_ONCE = 3;

export type Toast = { readonly id: number; readonly text: string; readonly error: ShownError | undefined };

export type Toasts = {
  readonly toasts: readonly Toast[];
  /** What the live region says. */
  readonly spoken: string;
  readonly dismiss: (id: number) => void;
};

export function useToasts(call: Call, chatShown: boolean): Toasts {
  const { t } = useI18n();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    let next = 0;
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const stop = call.onNotice((notice) => {
      const text = textOf(notice, t);
      setSpoken(text);
      // What the open chat shows anyway needs no second place.
      if (chatShown && notice.type !== "error" && notice.type !== "share-started") return;
      const id = performance.now() + next++;
      const error = notice.type === "error" ? notice.error : undefined;
      setToasts((before) =>
        [...before.filter((each) => error === undefined || each.error?.code !== error.code), { id, text, error }].slice(-AT_ONCE),
      );
      if (error !== undefined) return;
      timers.add(setTimeout(() => setToasts((before) => before.filter((each) => each.id !== id)), SHOWN_MS));
    });
    return () => {
      stop();
      for (const timer of timers) clearTimeout(timer);
      setToasts((before) => before.filter(({ error }) => error !== undefined));
    };
  }, [call, chatShown, t]);
  return { toasts, spoken, dismiss: (id) => setToasts((before) => before.filter((each) => each.id !== id)) };
}

function textOf(notice: Notice, t: Translate): string {
  if (notice.type === "error") return "";
  const name = notice.name === "" ? t("notice.unnamed") : notice.name;
  switch (notice.type) {
    case "joined":
      return t("notice.joined", { name });
    case "left":
      return t("notice.left", { name });
    case "share-started":
      return t("notice.share.started", { name });
    case "message":
      return t("notice.message", { name, text: notice.text });
    case "file":
      return t("notice.file", { name, file: notice.file });
  }
}
