/** The controls of a call, in the order that people know. */
import {
  Ellipsis,
  LayoutGrid,
  type LucideIcon,
  MessageSquare,
  Mic,
  MicOff,
  MonitorUp,
  MonitorX,
  PanelsTopLeft,
  PhoneOff,
  RectangleHorizontal,
  Users,
  Video,
  VideoOff,
} from "lucide-react";
import type { ReactNode, Ref } from "react";
import { useI18n } from "../i18n/index.tsx";
import { classes } from "../ui/button.tsx";
import { Menu, type MenuItem } from "./menu.tsx";
import { type Layout, nextLayout } from "./stage-entries.ts";
import styles from "./toolbar.module.css";

const LAYOUT_ICONS: Readonly<Record<Layout, LucideIcon>> = {
  grid: LayoutGrid,
  speaker: PanelsTopLeft,
  spotlight: RectangleHorizontal,
};

export type ToolbarProps = {
  readonly ref: Ref<HTMLElement>;
  readonly shown: boolean;
  readonly receiveOnly: boolean;
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly sharing: boolean;
  readonly panel: "chat" | "people" | undefined;
  readonly unread: number;
  readonly layout: Layout;
  readonly menuOpen: boolean;
  readonly onMenu: (open: boolean) => void;
  readonly menuItems: readonly MenuItem[];
  readonly leaveLabel: string;
  readonly onMicrophone: () => void;
  readonly onCamera: () => void;
  readonly onShare: () => void;
  readonly onChat: () => void;
  readonly onPeople: () => void;
  readonly onLayout: () => void;
  readonly onLeave: () => void;
};

export function Toolbar(props: ToolbarProps) {
  const { t } = useI18n();
  const { receiveOnly, microphone, camera, sharing, panel, unread, menuOpen } = props;
  const share = { icon: sharing ? MonitorX : MonitorUp, label: t(sharing ? "call.share.stop" : "call.share.start") };
  const next = nextLayout(props.layout);
  const layout = { icon: LAYOUT_ICONS[next], label: t(`call.layout.${next}`) };
  const narrowItems: readonly MenuItem[] = [
    ...(receiveOnly ? [] : [{ ...share, narrow: true, onSelect: props.onShare }]),
    { ...layout, narrow: true, onSelect: props.onLayout },
  ];
  return (
    <section ref={props.ref} className={classes(styles.bar, !props.shown && styles.away)} aria-label={t("call.toolbar")}>
      <div className={styles.toolbar} role="toolbar" aria-label={t("call.toolbar")}>
        {receiveOnly ? null : (
          <>
            <Tool
              icon={microphone ? Mic : MicOff}
              label={t(microphone ? "call.mic.off" : "call.mic.on")}
              word={t("call.mic")}
              look={microphone ? undefined : "off"}
              onClick={props.onMicrophone}
            />
            <Tool
              icon={camera ? Video : VideoOff}
              label={t(camera ? "call.camera.off" : "call.camera.on")}
              word={t("call.camera")}
              look={camera ? undefined : "off"}
              onClick={props.onCamera}
            />
            <Tool {...share} word={t("call.share")} look={sharing ? "on" : undefined} wide onClick={props.onShare} />
          </>
        )}
        <Tool
          icon={MessageSquare}
          label={
            panel === "chat"
              ? t("call.chat.close")
              : unread === 0
                ? t("call.chat.open")
                : `${t("call.chat.open")}, ${t("call.chat.unread", { count: unread })}`
          }
          word={t("call.chat")}
          look={panel === "chat" ? "on" : undefined}
          expanded={panel === "chat"}
          onClick={props.onChat}
        >
          {unread === 0 ? null : <span className={styles.badge}>{unread > 99 ? "99+" : unread}</span>}
        </Tool>
        <Tool
          icon={Users}
          label={t(panel === "people" ? "call.people.close" : "call.people.open")}
          word={t("call.people")}
          look={panel === "people" ? "on" : undefined}
          expanded={panel === "people"}
          onClick={props.onPeople}
        />
        <Tool {...layout} word={t("call.layout")} wide onClick={props.onLayout} />
        <div className={styles.wrap}>
          <Tool
            icon={Ellipsis}
            label={t("call.more")}
            word={t("call.more")}
            look={menuOpen ? "on" : undefined}
            expanded={menuOpen}
            menu
            onClick={() => props.onMenu(!menuOpen)}
          />
          {menuOpen ? (
            <Menu label={t("call.more")} items={[...narrowItems, ...props.menuItems]} onClose={() => props.onMenu(false)} />
          ) : null}
        </div>
        <Tool icon={PhoneOff} label={props.leaveLabel} word={props.leaveLabel} look="leave" onClick={props.onLeave} />
      </div>
    </section>
  );
}

type ToolProps = {
  readonly icon: LucideIcon;
  /** The action, for screen readers and the tooltip. */
  readonly label: string;
  /** The thing, under the icon. */
  readonly word: string;
  readonly look?: "on" | "off" | "leave" | undefined;
  /** Only where there is room; else in the menu. */
  readonly wide?: boolean;
  readonly expanded?: boolean;
  readonly menu?: boolean;
  readonly onClick: () => void;
  readonly children?: ReactNode;
};

function Tool({ icon: Icon, label, word, look, wide = false, expanded, menu = false, onClick, children }: ToolProps) {
  return (
    <button
      type="button"
      className={classes(styles.tool, look !== undefined && styles[look], wide && styles.wide)}
      aria-label={label}
      title={label}
      {...(expanded === undefined ? {} : { "aria-expanded": expanded })}
      {...(menu ? { "aria-haspopup": "menu" as const } : {})}
      onClick={(event) => {
        // A click by pointer leaves no focus behind: Space then talks instead of pressing the button again.
        if (!event.currentTarget.matches(":focus-visible")) event.currentTarget.blur();
        onClick();
      }}
    >
      <Icon size={20} aria-hidden="true" />
      <span className={styles.label} aria-hidden="true">
        {word}
      </span>
      {children}
    </button>
  );
}
