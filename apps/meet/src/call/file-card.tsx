/** One file in the chat: the offer, how far it is, and saving it. */
import { Download, File as FileIcon, X } from "lucide-react";
import { formatBytes } from "../i18n/format.ts";
import { type I18n, useI18n } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { type ChatItem, type FileProgress, summarise } from "./chat.ts";
import type { Call } from "./model.ts";
import styles from "./panel.module.css";

type FileItem = Extract<ChatItem, { type: "file" }>;

export function FileCard({ item, call }: { readonly item: FileItem; readonly call: Call }) {
  const i18n = useI18n();
  const { t, locale } = i18n;
  const { progress, name, size, id } = item;
  const { state, fraction, active } = describe(progress, size);
  const offered = progress.direction === "in" && progress.state === "offered";
  return (
    <div className={styles.file}>
      <div className={styles.fileHead}>
        <FileIcon size={24} aria-hidden="true" />
        <div>
          <p className={styles.fileName}>{name}</p>
          <p className={styles.fileState}>{offered ? formatBytes(size, locale) : stateText(progress, size, i18n)}</p>
        </div>
        {active ? (
          <IconButton icon={X} label={t("file.cancel", { name })} tip="left" onClick={() => call.cancelFile(id)} />
        ) : null}
      </div>
      {active && state !== "waiting" ? (
        <progress className={styles.progress} max={1} value={fraction} aria-label={t("file.progress.label", { name })} />
      ) : null}
      {offered ? (
        <div className={styles.actions}>
          <Button size="small" look="primary" onClick={() => call.acceptFile(id)}>
            {t("file.accept")}
          </Button>
          <Button size="small" onClick={() => call.declineFile(id)}>
            {t("file.decline")}
          </Button>
        </div>
      ) : null}
      {progress.direction === "in" && progress.url !== undefined ? (
        <a className={styles.save} href={progress.url} download={name}>
          <Download size={16} aria-hidden="true" />
          {t("file.save")}
        </a>
      ) : null}
    </div>
  );
}

type Description = { readonly state: string; readonly fraction: number; readonly active: boolean };

function describe(progress: FileProgress, size: number): Description {
  if (progress.direction === "in") {
    const { state, received } = progress;
    return { state, fraction: size === 0 ? 1 : received / size, active: state === "receiving" || state === "paused" };
  }
  const { state, fraction } = summarise(progress.to, size);
  return { state, fraction, active: state === "waiting" || state === "sending" || state === "paused" };
}

function stateText(progress: FileProgress, size: number, { t, locale }: I18n): string {
  const bytes = (value: number) => formatBytes(value, locale);
  const moving = (fraction: number, rate: number) =>
    [
      t("file.progress", { done: bytes(size * fraction), total: bytes(size) }),
      rate > 0 ? t("file.rate", { rate: bytes(rate) }) : "",
    ]
      .filter((part) => part !== "")
      .join(" · ");
  const ended = { declined: "file.declined", cancelled: "file.cancelled", failed: "file.failed" } as const;
  if (progress.direction === "in") {
    switch (progress.state) {
      case "offered":
        return bytes(size);
      case "receiving":
        return moving(size === 0 ? 1 : progress.received / size, progress.bytesPerSecond);
      case "paused":
        return t("file.paused");
      case "done":
        return `${t("file.done")} · ${bytes(size)}`;
      default:
        return t(ended[progress.state]);
    }
  }
  const summary = summarise(progress.to, size);
  switch (summary.state) {
    case "waiting":
      return `${summary.waiting === 1 ? t("file.waiting") : t("file.waiting.count", { count: summary.waiting })} · ${bytes(size)}`;
    case "sending":
      return moving(summary.fraction, progress.bytesPerSecond);
    case "paused":
      return t("file.paused");
    case "done":
      return summary.count === 1
        ? `${t("file.sent")} · ${bytes(size)}`
        : `${t("file.sent.count", { done: summary.done, count: summary.count })} · ${bytes(size)}`;
    default:
      return t(ended[summary.state]);
  }
}
