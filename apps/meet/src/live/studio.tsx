/** Going live: the picture and its name first, then on the air, then what is left to say. */
import { useEffect, useState } from "react";
import { formatDuration } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { navigate } from "../router.ts";
import { loadPeerOptions } from "../state/config.ts";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import type { ShownError } from "../text/errors.ts";
import { suggestRoomName } from "../text/room-names.ts";
import { Button } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useServices } from "../ui/services.ts";
import message from "../views/message.module.css";
import { Shell } from "../views/shell.tsx";
import { Broadcast } from "./broadcast.ts";
import { OnTheAir } from "./on-the-air.tsx";
import { Setup, type SetupChoice } from "./setup.tsx";

type Stage =
  | { readonly at: "setup"; readonly error: ShownError | undefined }
  | { readonly at: "starting"; readonly choice: SetupChoice }
  | { readonly at: "broadcast"; readonly broadcast: Broadcast; readonly choice: SetupChoice };

export function Studio() {
  const { tools, media } = useServices();
  const [stage, setStage] = useState<Stage>({ at: "setup", error: undefined });

  useEffect(() => {
    // A channel is kept, so that its link stays good.
    if (settings.get().channel === "") settings.set({ channel: suggestRoomName() });
    return () => media.close();
  }, [media]);

  useEffect(() => {
    if (stage.at !== "starting") return;
    let current = true;
    const { choice } = stage;
    void loadPeerOptions(settings.get()).then((config) => {
      if (!current) return;
      if ("error" in config) {
        setStage({ at: "setup", error: config.error });
        return;
      }
      const { name } = settings.get();
      const { room, title, screen } = choice;
      const broadcast = new Broadcast(tools, media, { peer: config.options, room, title, name, screen });
      broadcast.start();
      setStage({ at: "broadcast", broadcast, choice });
    });
    return () => {
      current = false;
    };
  }, [stage, tools, media]);

  const broadcast = stage.at === "broadcast" ? stage.broadcast : undefined;
  useEffect(() => {
    if (broadcast === undefined) return;
    const away = () => broadcast.close();
    window.addEventListener("pagehide", away);
    return () => {
      window.removeEventListener("pagehide", away);
      broadcast.close();
    };
  }, [broadcast]);

  if (stage.at === "broadcast") {
    return <Running broadcast={stage.broadcast} choice={stage.choice} onAgain={(error) => setStage({ at: "setup", error })} />;
  }
  return (
    <Setup
      starting={stage.at === "starting"}
      error={stage.at === "setup" ? stage.error : undefined}
      onGo={(choice) => setStage({ at: "starting", choice })}
    />
  );
}

type RunningProps = {
  readonly broadcast: Broadcast;
  readonly choice: SetupChoice;
  readonly onAgain: (error: ShownError | undefined) => void;
};

function Running({ broadcast, choice, onAgain }: RunningProps) {
  const { t, locale } = useI18n();
  const { media } = useServices();
  const { phase, error, durationMs, mostViewers } = useStore(broadcast.store);
  const ended = phase === "ended";
  const { screen } = choice;
  useEffect(() => {
    if (!ended) return;
    media.close();
    for (const track of screen?.getTracks() ?? []) track.stop();
  }, [ended, media, screen]);
  if (!ended) return <OnTheAir broadcast={broadcast} choice={choice} />;
  const failed = error !== undefined && durationMs === 0;
  const title = t(failed ? "studio.failed" : "studio.over");
  return (
    <Shell title={title}>
      <div className={message.message}>
        <h1>{title}</h1>
        {error === undefined ? null : <ErrorBox error={error} />}
        {failed ? null : (
          <p className={message.soft}>
            {t("studio.over.text", { duration: formatDuration(durationMs, locale), count: mostViewers })}
          </p>
        )}
        <div className={message.actions}>
          <Button look="primary" size="large" onClick={() => onAgain(undefined)}>
            {t(failed ? "action.retry" : "studio.again")}
          </Button>
          <Button size="large" onClick={() => navigate({ view: "home" })}>
            {t("action.home")}
          </Button>
        </div>
      </div>
    </Shell>
  );
}
