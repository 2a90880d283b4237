/** A room from its door to its end: prejoin, the call, and what is said after it. */
import { useEffect, useState } from "react";
import { CallScreen } from "../call/call-screen.tsx";
import { RoomCall } from "../call/room-call.ts";
import { formatDuration } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { navigate, type RoomChoice } from "../router.ts";
import { loadPeerOptions } from "../state/config.ts";
import { settings, withRecentRoom } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import type { ShownError } from "../text/errors.ts";
import { Button } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useServices } from "../ui/services.ts";
import styles from "./message.module.css";
import { Prejoin } from "./prejoin.tsx";
import { Shell } from "./shell.tsx";

type Stage =
  | { readonly at: "door" }
  | { readonly at: "starting"; readonly name: string; readonly receiveOnly: boolean }
  | { readonly at: "call"; readonly call: RoomCall }
  | { readonly at: "refused"; readonly error: ShownError };

type RoomProps = {
  readonly room: string;
  readonly listen: boolean;
  readonly choice: RoomChoice;
  readonly secret: string | undefined;
};

export function Room({ room, listen, choice, secret }: RoomProps) {
  const { tools, media } = useServices();
  const [stage, setStage] = useState<Stage>({ at: "door" });

  useEffect(() => {
    if (stage.at !== "starting") return;
    let current = true;
    void loadPeerOptions(settings.get()).then((config) => {
      if (!current) return;
      if ("error" in config) {
        setStage({ at: "refused", error: config.error });
        return;
      }
      const { name, receiveOnly } = stage;
      if (receiveOnly) media.close();
      const call = new RoomCall(tools, media, { peer: config.options, room, name, receiveOnly, choice, secret });
      call.start();
      settings.set({ rooms: withRecentRoom(settings.get().rooms, room) });
      setStage({ at: "call", call });
    });
    return () => {
      current = false;
    };
  }, [stage, tools, media, room, choice, secret]);

  const call = stage.at === "call" ? stage.call : undefined;
  useEffect(() => {
    if (call === undefined) return;
    const leave = () => call.leave();
    // `pagehide` comes at closing, reloading and leaving for another page alike.
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      call.leave();
    };
  }, [call]);
  useEffect(() => () => media.close(), [media]);

  if (stage.at === "door" || stage.at === "starting") {
    return (
      <Prejoin
        room={room}
        listen={listen}
        choice={choice}
        secret={secret}
        onJoin={({ name, receiveOnly }) => setStage({ at: "starting", name, receiveOnly })}
      />
    );
  }
  if (stage.at === "refused") return <Refused room={room} error={stage.error} onRetry={() => setStage({ at: "door" })} />;
  return <Inside key={room} call={stage.call} room={room} onAgain={() => setStage({ at: "door" })} />;
}

function Inside({ call, room, onAgain }: { readonly call: RoomCall; readonly room: string; readonly onAgain: () => void }) {
  const { locale, t } = useI18n();
  const { media } = useServices();
  const { phase, end } = useStore(call.store);
  const ended = phase === "ended";
  useEffect(() => {
    if (ended) media.close();
  }, [ended, media]);
  if (!ended || end === undefined) return <CallScreen call={call} />;
  if (end.error !== undefined && end.durationMs === 0) return <Refused room={room} error={end.error} onRetry={onAgain} />;
  const title = t(end.byMe ? "room.left" : "room.ended", { room });
  return (
    <Shell title={title}>
      <div className={styles.message}>
        <h1>{title}</h1>
        {end.error === undefined ? null : <ErrorBox error={end.error} />}
        <p className={styles.soft}>{t("room.left.duration", { duration: formatDuration(end.durationMs, locale) })}</p>
        <div className={styles.actions}>
          <Button look="primary" size="large" onClick={onAgain}>
            {t("room.rejoin")}
          </Button>
          <Button size="large" onClick={() => navigate({ view: "home" })}>
            {t("action.home")}
          </Button>
        </div>
      </div>
    </Shell>
  );
}

type RefusedProps = { readonly room: string; readonly error: ShownError; readonly onRetry: () => void };

function Refused({ room, error, onRetry }: RefusedProps) {
  const { t } = useI18n();
  const title = t("room.failed", { room });
  return (
    <Shell title={title}>
      <div className={styles.message}>
        <h1>{title}</h1>
        <ErrorBox error={error} />
        <div className={styles.actions}>
          <Button look="primary" size="large" onClick={onRetry}>
            {t("action.retry")}
          </Button>
          <Button size="large" onClick={() => navigate({ view: "home" })}>
            {t("action.home")}
          </Button>
        </div>
      </div>
    </Shell>
  );
}
