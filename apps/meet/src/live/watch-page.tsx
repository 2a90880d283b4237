/** Watching a broadcast: the picture large, and a word for every state that it can be in. */
import { Link as LinkIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { loadPeerOptions } from "../state/config.ts";
import { settings } from "../state/settings.ts";
import { Store, useStore } from "../state/store.ts";
import type { ShownError } from "../text/errors.ts";
import { classes } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Link } from "../ui/link.tsx";
import { Mark } from "../ui/mark.tsx";
import { useServices } from "../ui/services.ts";
import { Player } from "./player.tsx";
import styles from "./watch.module.css";
import { INITIAL, Watching, type WatchingState } from "./watching.ts";

/** Stands in until the page knows how to reach the server. */
const NOT_YET = new Store<WatchingState>(INITIAL);

export function WatchPage({ room }: { readonly room: string }) {
  const { t } = useI18n();
  const { tools } = useServices();
  const [attempt, setAttempt] = useState(0);
  const [watching, setWatching] = useState<Watching>();
  const [refused, setRefused] = useState<ShownError>();

  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt is a new one
  useEffect(() => {
    let current = true;
    let own: Watching | undefined;
    setRefused(undefined);
    void loadPeerOptions(settings.get()).then((config) => {
      if (!current) return;
      if ("error" in config) {
        setRefused(config.error);
        return;
      }
      own = new Watching(tools, { peer: config.options, room, name: settings.get().name });
      own.start();
      setWatching(own);
    });
    const away = () => own?.close();
    window.addEventListener("pagehide", away);
    return () => {
      current = false;
      window.removeEventListener("pagehide", away);
      own?.close();
      setWatching(undefined);
    };
  }, [tools, room, attempt]);

  const state = useStore(watching?.store ?? NOT_YET);
  const title = state.title === "" ? room : state.title;
  useEffect(() => {
    document.title = `${title} – Tsunagi`;
  }, [title]);
  const shown: WatchingState = refused === undefined ? state : { ...state, phase: "failed", error: refused };
  const live = shown.phase === "in" && shown.air === "live";

  return (
    <div className={classes("dark", styles.page)}>
      <header className={styles.top}>
        <Link to={{ view: "home" }} className={styles.brand} aria-label={`Tsunagi – ${t("nav.home")}`}>
          <Mark />
        </Link>
        <h1 className={styles.title}>{title}</h1>
        <p className={styles.facts}>
          {live ? <span className={styles.badge}>{t("live.badge")}</span> : null}
          {shown.phase === "in" ? <span>{t("live.viewers", { count: shown.viewers })}</span> : null}
        </p>
        <span className={styles.spring} />
        <CopyButton
          className={styles.invite}
          size="small"
          look="quiet"
          icon={LinkIcon}
          text={linkTo({ view: "watch", room })}
          label={t("watch.copy")}
        />
      </header>
      <Player state={shown} watching={watching} onRetry={() => setAttempt((before) => before + 1)} />
    </div>
  );
}
