/** Chat and files of a call. */
import { Paperclip, SendHorizontal } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { formatTime } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { useStore } from "../state/store.ts";
import { classes, IconButton } from "../ui/button.tsx";
import { type ChatItem, splitLinks } from "./chat.ts";
import { FileCard } from "./file-card.tsx";
import type { Call } from "./model.ts";
import styles from "./panel.module.css";
import { Panel } from "./panel.tsx";
import { CHAT_LENGTH } from "./wire.ts";

/** Nearer than this to the end, the list follows new messages. */
const FOLLOW_PX = 80;

export function ChatPanel({ call, onClose }: { readonly call: Call; readonly onClose: () => void }) {
  const { t } = useI18n();
  const { chat, chatOpen } = useStore(call.store);
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const follows = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the list may need a scroll
  useEffect(() => {
    if (follows.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [chat]);

  const send = () => {
    if (text.trim() === "" || !chatOpen) return;
    follows.current = true;
    call.sendChat(text);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter that ends a Japanese conversion is not a wish to send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <Panel title={t("chat.title")} onClose={onClose}>
      <div
        ref={list}
        className={styles.list}
        role="log"
        aria-label={t("chat.log")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
        }}
      >
        {chat.length === 0 ? (
          <div className={styles.empty}>
            <p>{t("chat.empty")}</p>
            <p className={styles.soft}>{t(call.kind === "room" ? "chat.empty.text" : "chat.empty.phone")}</p>
          </div>
        ) : (
          chat.map((item) => <Entry key={item.id} item={item} call={call} />)
        )}
      </div>
      {chatOpen ? null : <p className={classes(styles.soft, styles.foot)}>{t("chat.waiting")}</p>}
      <div className={styles.compose}>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            follows.current = true;
            call.sendFiles([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
        <IconButton icon={Paperclip} label={t("chat.file")} disabled={!chatOpen} onClick={() => input.current?.click()} />
        <textarea
          data-first
          rows={1}
          value={text}
          maxLength={CHAT_LENGTH}
          aria-label={t("chat.input")}
          placeholder={t("chat.placeholder")}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <IconButton
          icon={SendHorizontal}
          look="primary"
          label={t("chat.send")}
          disabled={!chatOpen || text.trim() === ""}
          onClick={send}
        />
      </div>
    </Panel>
  );
}

function Entry({ item, call }: { readonly item: ChatItem; readonly call: Call }) {
  const { t, locale } = useI18n();
  if (item.type === "joined" || item.type === "left") {
    return (
      <p className={styles.news}>
        {t(item.type === "joined" ? "chat.joined" : "chat.left", { name: item.name || t("notice.unnamed") })} ·{" "}
        {formatTime(item.at, locale)}
      </p>
    );
  }
  const own = item.from === undefined;
  return (
    <article className={classes(styles.item, own && styles.own)}>
      <p className={styles.by}>
        <strong>{own ? t("call.you") : item.from?.name || t("notice.unnamed")}</strong>
        <time dateTime={new Date(item.at).toISOString()}>{formatTime(item.at, locale)}</time>
      </p>
      {item.type === "message" ? (
        <>
          <p className={styles.bubble}>
            {splitLinks(item.text).map((part, index) =>
              part.href === undefined ? (
                part.text
              ) : (
                // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change their order
                <a key={index} href={part.href} target="_blank" rel="noreferrer noopener">
                  {part.text}
                </a>
              ),
            )}
          </p>
          {item.failed === true ? <p className={styles.failed}>{t("chat.not-sent")}</p> : null}
        </>
      ) : (
        <FileCard item={item} call={call} />
      )}
    </article>
  );
}
