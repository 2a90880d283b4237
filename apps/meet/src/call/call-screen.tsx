/** The call: the stage, the toolbar under it, a panel beside it, and everything that has to be said over it. */
import { Activity, Keyboard, Link as LinkIcon, Lock, Maximize, Minimize, Settings2, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { settings } from "../state/settings.ts";
import { useField, useStore } from "../state/store.ts";
import { classes, IconButton } from "../ui/button.tsx";
import { Clock } from "../ui/clock.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useServices } from "../ui/services.ts";
import { useFullscreen } from "../ui/use-fullscreen.ts";
import { SettingsForm } from "../views/settings.tsx";
import { Banners } from "./banners.tsx";
import styles from "./call-screen.module.css";
import { countUnread } from "./chat.ts";
import { ChatPanel } from "./chat-panel.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import type { MenuItem } from "./menu.tsx";
import type { Call } from "./model.ts";
import { PathBar } from "./path-bar.tsx";
import { PeoplePanel } from "./people-panel.tsx";
import { Sounds } from "./sounds.tsx";
import { Stage } from "./stage.tsx";
import { type Layout, nextLayout } from "./stage-entries.ts";
import { Toolbar } from "./toolbar.tsx";
import { useChrome } from "./use-chrome.ts";
import { useDrop } from "./use-drop.ts";
import { useChanged, useReturned } from "./use-moments.ts";
import { useShortcuts } from "./use-shortcuts.ts";
import { useStats } from "./use-stats.ts";
import { useToasts } from "./use-toasts.ts";
import { Waiting } from "./waiting.tsx";

type PanelName = "chat" | "people" | undefined;
type Open = "menu" | "help" | "settings" | undefined;

export function CallScreen({ call }: { readonly call: Call }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { phase, participants, serverLink, screen, chat, since } = useStore(call.store);
  const local = useStore(media.store);
  const { name, shortcuts, speaker } = useStore(settings);
  const mode = useField(call.path, "mode");
  const [panel, setPanel] = useState<PanelName>();
  const [open, setOpen] = useState<Open>();
  const [layout, setLayout] = useState<"auto" | Layout>("auto");
  const [page, setPage] = useState(0);
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

  const invite = call.invite(false);
  const shares = participants.some((each) => each.screen !== null);
  useEffect(() => {
    // Whoever begins to share wants to be looked at, whatever was chosen before.
    if (shares) setLayout("auto");
  }, [shares]);
  const shownLayout = layout !== "auto" ? layout : shares || pinned !== undefined ? "speaker" : "grid";
  const microphone = local.microphone === "on";
  const camera = local.camera === "on";

  // The key M changes a button that the reader is not on: say what it did.
  const firstMicrophone = useRef(microphone);
  const microphoneChanged = useChanged(microphone, firstMicrophone.current);
  const returned = useReturned(serverLink.state === "reconnecting");

  const toggle = (which: Exclude<PanelName, undefined>) => setPanel((before) => (before === which ? undefined : which));
  const onPin = useCallback((key: string) => {
    setPinned((before) => (before === key ? undefined : key));
    setLayout((before) => (before === "grid" ? "auto" : before));
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
      const next = nextLayout(shownLayout);
      setLayout(next);
      setPage(0);
      if (next === "grid") setPinned(undefined);
    },
    "page-back": () => setPage((before) => Math.max(0, before - 1)),
    // The stage knows how many there are, and shows the last one for what is more.
    "page-next": () => setPage((before) => before + 1),
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
          {invite?.view === "room" && invite.secret !== undefined ? (
            <span className={styles.lock}>
              <Lock size={16} aria-hidden="true" />
              {t("lock.room")}
            </span>
          ) : null}
          {call.receiveOnly ? <span>{t("room.listening")}</span> : null}
        </p>
        <span className={styles.spring} />
        {statsWanted ? <PathBar call={call} /> : null}
        {invite !== undefined && participants.length > 0 ? (
          <CopyButton
            className={styles.invite}
            size="small"
            look="quiet"
            icon={LinkIcon}
            text={linkTo(invite)}
            label={t("invite.copy")}
          />
        ) : null}
      </header>

      <main className={styles.main} aria-label={t("call.label")}>
        <Banners
          call={call}
          returned={returned}
          talking={talking}
          soundBlocked={blocked.length > 0}
          onSound={() => {
            for (const retry of blocked) retry();
            setBlocked([]);
          }}
        />
        <Sounds call={call} participants={participants} told={mode === "sfu"} speaker={speaker} onBlocked={onBlocked} />
        <Stage
          call={call}
          participants={participants}
          ownName={name}
          layout={shownLayout}
          pinned={pinned}
          page={page}
          onPage={setPage}
          stats={stats}
          onPin={onPin}
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
        layout={shownLayout}
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
