/** The call: the stage, the toolbar under it, a panel beside it, and everything that has to be said over it. */
import {
  Activity,
  CircleCheck,
  Keyboard,
  Link as LinkIcon,
  LoaderCircle,
  Maximize,
  Minimize,
  MonitorUp,
  Settings2,
  Volume2,
  X,
} from "lucide-react";
import { type DragEvent, useCallback, useEffect, useRef, useState } from "react";
import { formatClock } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Button, classes, IconButton } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useServices } from "../ui/services.ts";
import { useAfter } from "../ui/use-after.ts";
import { SettingsForm } from "../views/settings.tsx";
import styles from "./call-screen.module.css";
import { countUnread } from "./chat.ts";
import { ChatPanel } from "./chat-panel.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import type { MenuItem } from "./menu.tsx";
import type { Call } from "./model.ts";
import { PeoplePanel } from "./people-panel.tsx";
import { Stage } from "./stage.tsx";
import { Toolbar } from "./toolbar.tsx";
import { useChrome } from "./use-chrome.ts";
import { useShortcuts } from "./use-shortcuts.ts";
import { useStats } from "./use-stats.ts";
import { useToasts } from "./use-toasts.ts";

type PanelName = "chat" | "people" | undefined;
type Open = "menu" | "help" | "settings" | undefined;

export function CallScreen({ call }: { readonly call: Call }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { phase, participants, serverLink, screen, chat, since } = useStore(call.store);
  const local = useStore(media.store);
  const { name, shortcuts } = useStore(settings);
  const [panel, setPanel] = useState<PanelName>();
  const [open, setOpen] = useState<Open>();
  const [layout, setLayout] = useState<"auto" | "grid" | "focus">("auto");
  const [pinned, setPinned] = useState<string>();
  const [statsWanted, setStatsWanted] = useState(false);
  const [dropping, setDropping] = useState(false);
  const [blocked, setBlocked] = useState<readonly (() => void)[]>([]);
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const root = useRef<HTMLDivElement>(null);
  const toolbar = useRef<HTMLElement>(null);
  const fullscreen = useFullscreen();
  const stats = useStats(call, statsWanted);
  const chrome = useChrome(toolbar, open === "menu");
  const { toasts, spoken, dismiss } = useToasts(call, panel === "chat");

  const title = call.kind === "phone" ? (participants[0]?.name ?? call.title) : call.title;
  useEffect(() => {
    document.title = `${title} – Tsunagi`;
  }, [title]);
  useEffect(() => {
    if (panel === "chat") setSeen(new Set(chat.map(({ id }) => id)));
  }, [panel, chat]);

  const shares = participants.some((each) => each.screen !== null);
  useEffect(() => {
    // Whoever begins to share wants to be looked at, whatever was chosen before.
    if (shares) setLayout("auto");
  }, [shares]);
  const focused = layout === "focus" || (layout === "auto" && (shares || pinned !== undefined));
  const microphone = local.microphone === "on";
  const camera = local.camera === "on";

  // The key M changes a button that the reader is not on: say what it did.
  const firstMicrophone = useRef(microphone);
  const microphoneChanged = useChanged(microphone, firstMicrophone.current);
  const returned = useReturned(serverLink.state === "reconnecting");

  const toggle = (which: Exclude<PanelName, undefined>) => setPanel((before) => (before === which ? undefined : which));
  const onPin = useCallback((key: string) => {
    setPinned((before) => (before === key ? undefined : key));
    setLayout("auto");
  }, []);
  const onBlocked = useCallback((retry: () => void) => setBlocked((before) => [...before, retry]), []);
  const actions = {
    microphone: () => void media.setMicrophone(!microphone),
    camera: () => void media.setCamera(!camera),
    share: () => {
      if (screen === null) void call.startScreen();
      else call.stopScreen();
    },
    chat: () => toggle("chat"),
    people: () => toggle("people"),
    layout: () => {
      setLayout(focused ? "grid" : "focus");
      if (focused) setPinned(undefined);
    },
    fullscreen: fullscreen.toggle,
    help: () => setOpen("help"),
  };
  const talking = useShortcuts(shortcuts && open === undefined, call.receiveOnly, microphone, media, actions);

  const menuItems: readonly MenuItem[] = [
    ...(call.kind === "room" ? [{ icon: LinkIcon, label: t("people.invite"), onSelect: () => setPanel("people") }] : []),
    {
      icon: fullscreen.on ? Minimize : Maximize,
      label: t(fullscreen.on ? "call.fullscreen.exit" : "call.fullscreen"),
      onSelect: fullscreen.toggle,
    },
    { icon: Activity, label: t(statsWanted ? "call.stats.hide" : "call.stats"), onSelect: () => setStatsWanted(!statsWanted) },
    { icon: Settings2, label: t("call.devices"), onSelect: () => setOpen("settings") },
    { icon: Keyboard, label: t("call.shortcuts"), onSelect: () => setOpen("help") },
  ];
  const drag = useDrop(setDropping, (files) => {
    setPanel("chat");
    call.sendFiles(files);
  });

  return (
    <div ref={root} className={classes("dark", styles.call)} {...drag}>
      <header className={styles.top}>
        <h1 className={styles.title}>{title}</h1>
        <p className={styles.facts}>
          {call.kind === "room" && phase === "live" ? (
            <span>{t("call.people.count", { count: participants.length + 1 })}</span>
          ) : null}
          {since === undefined ? null : <Clock since={since} />}
          {call.receiveOnly ? <span>{t("room.listening")}</span> : null}
        </p>
        <span className={styles.spring} />
        {call.kind === "room" && participants.length > 0 ? (
          <CopyButton
            className={styles.invite}
            size="small"
            look="quiet"
            icon={LinkIcon}
            text={linkTo({ view: "room", room: call.title, listen: false })}
            label={t("invite.copy")}
          />
        ) : null}
      </header>

      <main className={styles.main} aria-label={t("call.label")}>
        <div className={styles.banners}>
          {serverLink.state === "reconnecting" ? (
            <div className={styles.banner} role="status">
              <LoaderCircle size={16} className={styles.turning} aria-hidden="true" />
              <span>{t("call.reconnecting")}</span>
              {serverLink.attempt > 1 ? (
                <span className={styles.soft}>{t("call.reconnecting.attempt", { attempt: serverLink.attempt })}</span>
              ) : null}
            </div>
          ) : null}
          {returned ? (
            <div className={styles.banner} role="status">
              <CircleCheck size={16} aria-hidden="true" />
              {t("call.reconnected")}
            </div>
          ) : null}
          {screen === null ? null : (
            <div className={styles.banner}>
              <MonitorUp size={16} aria-hidden="true" />
              <span>{t("call.sharing")}</span>
              <Button size="small" onClick={() => call.stopScreen()}>
                {t("call.share.stop")}
              </Button>
            </div>
          )}
          {blocked.length === 0 ? null : (
            <div className={styles.banner} role="alert">
              <Volume2 size={16} aria-hidden="true" />
              <span>{t("call.sound.blocked")}</span>
              <Button
                size="small"
                look="primary"
                onClick={() => {
                  for (const retry of blocked) retry();
                  setBlocked([]);
                }}
              >
                {t("call.sound.play")}
              </Button>
            </div>
          )}
          {talking ? (
            <div className={styles.banner} role="status">
              {t("call.talking")}
            </div>
          ) : null}
          {local.error === undefined || call.receiveOnly ? null : (
            <div className={classes(styles.toast, styles.failure)}>
              <ErrorBox error={local.error} />
              <IconButton icon={X} label={t("action.dismiss")} tip="left" onClick={() => media.dismissError()} />
            </div>
          )}
        </div>
        <Stage
          participants={participants}
          ownName={name}
          receiveOnly={call.receiveOnly}
          focused={focused}
          pinned={pinned}
          stats={stats}
          onPin={onPin}
          onBlocked={onBlocked}
        >
          <Waiting call={call} joining={phase !== "live"} alone={participants.length === 0} />
        </Stage>
        {dropping ? <div className={styles.drop}>{t("chat.drop")}</div> : null}
        <p className="visually-hidden" role="status">
          {spoken}
        </p>
        <p className="visually-hidden" role="status">
          {microphoneChanged ? t(microphone ? "notice.mic.on" : "notice.mic.off") : ""}
        </p>
        <div className={styles.toasts}>
          {toasts.map(({ id, text, error }) =>
            error === undefined ? (
              <div key={id} className={styles.toast} aria-hidden="true">
                <p>{text}</p>
              </div>
            ) : (
              <div key={id} className={classes(styles.toast, styles.failure)}>
                <ErrorBox error={error} />
                <IconButton icon={X} label={t("action.dismiss")} tip="left" onClick={() => dismiss(id)} />
              </div>
            ),
          )}
        </div>
      </main>

      {panel === "chat" ? <ChatPanel call={call} onClose={() => setPanel(undefined)} /> : null}
      {panel === "people" ? <PeoplePanel call={call} ownName={name} onClose={() => setPanel(undefined)} /> : null}

      <Toolbar
        ref={toolbar}
        shown={chrome}
        receiveOnly={call.receiveOnly}
        microphone={microphone}
        camera={camera}
        sharing={screen !== null}
        panel={panel}
        unread={panel === "chat" ? 0 : countUnread(chat, seen)}
        focused={focused}
        menuOpen={open === "menu"}
        onMenu={(wanted) => setOpen(wanted ? "menu" : undefined)}
        menuItems={menuItems}
        leaveLabel={t(call.kind === "room" ? "call.leave" : "phone.hangup")}
        onMicrophone={actions.microphone}
        onCamera={actions.camera}
        onShare={actions.share}
        onChat={actions.chat}
        onPeople={actions.people}
        onLayout={actions.layout}
        onLeave={() => call.leave()}
      />

      {open === "help" ? <HelpDialog onClose={() => setOpen(undefined)} /> : null}
      {open === "settings" ? (
        <Dialog title={t("call.devices")} onClose={() => setOpen(undefined)}>
          <SettingsForm inCall />
        </Dialog>
      ) : null}
    </div>
  );
}

/** What stands on an empty stage: joining, alone, or only listeners around. */
function Waiting({ call, joining, alone }: { readonly call: Call; readonly joining: boolean; readonly alone: boolean }) {
  const { t } = useI18n();
  const late = useAfter(joining);
  if (joining) {
    return (
      <div className={styles.waiting} role="status">
        <LoaderCircle size={28} className={styles.turning} aria-hidden="true" />
        <h2>{t("room.joining", { room: call.title })}</h2>
        {late ? <p>{t("room.joining.reason")}</p> : null}
      </div>
    );
  }
  if (!alone || call.kind === "phone") return alone ? null : <div className={styles.waiting}>{t("room.listeners-only")}</div>;
  const link = linkTo({ view: "room", room: call.title, listen: false });
  return (
    <div className={styles.waiting}>
      <h2>{t("room.alone")}</h2>
      <p>{t("room.alone.text")}</p>
      <span className={styles.link} translate="no">
        {link}
      </span>
      <CopyButton look="primary" size="large" icon={LinkIcon} text={link} label={t("invite.copy")} />
    </div>
  );
}

function Clock({ since }: { readonly since: number }) {
  const { t } = useI18n();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span role="timer" aria-label={t("call.duration")}>
      {formatClock(now - since)}
    </span>
  );
}

/** True from the first time that the value is another one. */
function useChanged(value: boolean, first: boolean): boolean {
  const [changed, setChanged] = useState(false);
  useEffect(() => {
    if (value !== first) setChanged(true);
  }, [value, first]);
  return changed;
}

/** How long the good news stays. */
const RETURNED_MS = 3000;

/** True for a moment after `away` ended. */
function useReturned(away: boolean): boolean {
  const [returned, setReturned] = useState(false);
  const wasAway = useRef(away);
  useEffect(() => {
    const back = wasAway.current && !away;
    wasAway.current = away;
    setReturned(back);
    if (!back) return;
    const timer = setTimeout(() => setReturned(false), RETURNED_MS);
    return () => clearTimeout(timer);
  }, [away]);
  return returned;
}

function useFullscreen(): { readonly on: boolean; readonly toggle: () => void } {
  const [on, setOn] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = () => setOn(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => {
      document.removeEventListener("fullscreenchange", changed);
      if (document.fullscreenElement !== null) void document.exitFullscreen();
    };
  }, []);
  const toggle = () => {
    const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen?.() : document.exitFullscreen();
    // iPhones have no full screen for pages; nothing then happens.
    done?.catch(() => undefined);
  };
  return { on, toggle };
}

function useDrop(setDropping: (dropping: boolean) => void, onFiles: (files: readonly File[]) => void) {
  const depth = useRef(0);
  const withFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return {
    onDragEnter: (event: DragEvent) => {
      if (!withFiles(event)) return;
      depth.current++;
      setDropping(true);
    },
    onDragLeave: (event: DragEvent) => {
      if (!withFiles(event)) return;
      depth.current = Math.max(0, depth.current - 1);
      if (depth.current === 0) setDropping(false);
    },
    onDragOver: (event: DragEvent) => {
      if (withFiles(event)) event.preventDefault();
    },
    onDrop: (event: DragEvent) => {
      if (!withFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setDropping(false);
      onFiles([...event.dataTransfer.files]);
    },
  };
}
