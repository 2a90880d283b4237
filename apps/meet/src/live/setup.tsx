/** Before going live: what is shown, under which title, at which address. */
import { MonitorUp, Radio, Video as VideoIcon } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { Choosers } from "../devices/choosers.tsx";
import { Preview } from "../devices/preview.tsx";
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { Button, classes } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { TextField } from "../ui/field.tsx";
import { useServices } from "../ui/services.ts";
import { Video } from "../ui/video.tsx";
import { Shell } from "../views/shell.tsx";
import { Ingest } from "./ingest.tsx";
import styles from "./live.module.css";
import { TITLE_LENGTH } from "./wire.ts";

export type SetupChoice = { readonly room: string; readonly title: string; readonly screen: MediaStream | null };

type SetupProps = {
  readonly starting: boolean;
  readonly error: ShownError | undefined;
  readonly onGo: (choice: SetupChoice) => void;
};

/** As the server limits room names. */
const CHANNEL_LENGTH = 128;

export function Setup({ starting, error, onGo }: SetupProps) {
  const { t } = useI18n();
  const { tools, media } = useServices();
  const { name, channel, broadcastTitle } = useStore(settings);
  const local = useStore(media.store);
  const [source, setSource] = useState<"camera" | "screen">("camera");
  const [screen, setScreen] = useState<MediaStream | null>(null);
  const [screenError, setScreenError] = useState<ShownError>();

  useEffect(() => {
    void media.open({ camera: source === "camera", microphone: true });
  }, [media, source]);
  // The screen lives on in the broadcast, and is let go of only when another one is chosen or the page is left without going live.
  const drop = () => {
    for (const track of screen?.getTracks() ?? []) track.stop();
    setScreen(null);
  };
  const chooseScreen = async () => {
    setScreenError(undefined);
    try {
      const next = await tools.sdk.shareScreen({ audio: true });
      drop();
      next.getVideoTracks()[0]?.addEventListener("ended", () => setScreen((now) => (now === next ? null : now)));
      setScreen(next);
    } catch (failure) {
      const shown = toShownError(failure);
      if (shown.code !== "media.screen.cancelled") setScreenError(shown);
    }
  };
  const ready = !starting && channel.trim() !== "" && (source === "screen" ? screen !== null : local.stream !== null);
  const shownError = error ?? screenError ?? local.error;

  return (
    <Shell title={t("studio.title")}>
      <form
        className={styles.studio}
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (ready) onGo({ room: channel.trim(), title: broadcastTitle.trim(), screen: source === "screen" ? screen : null });
        }}
      >
        <div className={styles.head}>
          <h1>{t("studio.title")}</h1>
          <p className={styles.soft}>{t("studio.lead")}</p>
        </div>
        <div className={styles.main}>
          <fieldset className={styles.sources}>
            <legend className="visually-hidden">{t("studio.source")}</legend>
            {(["camera", "screen"] as const).map((each) => (
              <label key={each} className={styles.source}>
                <input
                  type="radio"
                  name="source"
                  checked={source === each}
                  onChange={() => {
                    setSource(each);
                    setScreenError(undefined);
                    if (each === "camera") drop();
                  }}
                />
                {each === "camera" ? <VideoIcon size={20} aria-hidden="true" /> : <MonitorUp size={20} aria-hidden="true" />}
                {t(`studio.source.${each}`)}
              </label>
            ))}
          </fieldset>
          {source === "camera" ? (
            <Preview name={name} />
          ) : (
            <div className={styles.picture}>
              {screen === null ? (
                <div className={styles.empty}>
                  <p>{t("studio.screen.none")}</p>
                  <Button look="primary" icon={MonitorUp} onClick={() => void chooseScreen()}>
                    {t("studio.screen.choose")}
                  </Button>
                </div>
              ) : (
                <Video stream={screen} muted className={styles.whole} />
              )}
            </div>
          )}
          {screen === null ? null : (
            <Button size="small" onClick={() => void chooseScreen()}>
              {t("studio.screen.other")}
            </Button>
          )}
          {shownError === undefined ? null : (
            <ErrorBox error={shownError}>
              {local.error === undefined ? null : (
                <Button size="small" onClick={() => void media.open({ camera: source === "camera", microphone: true })}>
                  {t("action.retry")}
                </Button>
              )}
            </ErrorBox>
          )}
        </div>
        <div className={styles.side}>
          <TextField
            label={t("studio.name")}
            value={broadcastTitle}
            maxLength={TITLE_LENGTH}
            placeholder={t("studio.name.example")}
            onChange={(event) => settings.set({ broadcastTitle: event.target.value })}
          />
          <TextField
            label={t("studio.channel")}
            hint={t("studio.channel.hint")}
            value={channel}
            maxLength={CHANNEL_LENGTH}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            error={channel.trim() === "" ? t("studio.channel.missing") : undefined}
            onChange={(event) => settings.set({ channel: event.target.value })}
          />
          <Choosers camera={source === "camera"} speaker={false} />
          <Button
            type="submit"
            look="primary"
            size="large"
            wide
            icon={Radio}
            disabled={!ready}
            className={classes(starting && styles.busy)}
          >
            {t(starting ? "studio.starting" : "studio.go")}
          </Button>
          {channel.trim() === "" ? null : <Ingest room={channel.trim()} />}
        </div>
      </form>
    </Shell>
  );
}
