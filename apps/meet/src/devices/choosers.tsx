/** Which camera, microphone and speaker, with a level to see and a sound to hear that they work. */
import { Volume2 } from "lucide-react";
import { useState } from "react";
import { type I18n, useI18n } from "../i18n/index.tsx";
import type { Device } from "../sdk.ts";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Button } from "../ui/button.tsx";
import { type Choice, SelectField } from "../ui/field.tsx";
import { useServices } from "../ui/services.ts";
import styles from "./devices.module.css";
import { LevelBar } from "./level-bar.tsx";
import { playTestSound } from "./tone.ts";

type ChoosersProps = { readonly inputs?: boolean; readonly camera?: boolean; readonly speaker?: boolean };

export function Choosers({ inputs = true, camera = true, speaker = true }: ChoosersProps) {
  const { t, locale } = useI18n();
  const { media, tools } = useServices();
  const { devices, stream, revision, microphone } = useStore(media.store);
  const chosen = useStore(settings);
  const [playing, setPlaying] = useState(false);
  const i18n = { t, locale };

  const play = () => {
    setPlaying(true);
    const { speaker } = settings.get();
    const choose =
      speaker !== undefined && tools.sdk.speakerSelectable
        ? (element: HTMLMediaElement) => tools.sdk.setSpeaker(element, speaker)
        : undefined;
    playTestSound(choose)
      .catch(() => undefined)
      .finally(() => setPlaying(false));
  };

  return (
    <div className={styles.choosers}>
      {inputs ? (
        <>
          {camera ? (
            <SelectField
              label={t("device.camera")}
              choices={choicesOf(devices.cameras, chosen.camera, i18n)}
              disabled={devices.cameras.length === 0}
              value={chosen.camera ?? ""}
              onChange={(event) => void media.choose("camera", event.target.value || undefined)}
            />
          ) : null}
          <div className={styles.chooser}>
            <SelectField
              label={t("device.microphone")}
              choices={choicesOf(devices.microphones, chosen.microphone, i18n)}
              disabled={devices.microphones.length === 0}
              value={chosen.microphone ?? ""}
              onChange={(event) => void media.choose("microphone", event.target.value || undefined)}
            />
            <LevelBar stream={stream} revision={revision} on={microphone === "on"} />
            <p className={styles.hint}>{t("device.level.hint")}</p>
          </div>
        </>
      ) : null}
      {speaker ? (
        <div className={styles.row}>
          <SelectField
            label={t("device.speaker")}
            choices={choicesOf(tools.sdk.speakerSelectable ? devices.speakers : [], chosen.speaker, i18n, true)}
            disabled={!tools.sdk.speakerSelectable || devices.speakers.length === 0}
            value={chosen.speaker ?? ""}
            onChange={(event) => void media.choose("speaker", event.target.value || undefined)}
          />
          <Button icon={Volume2} disabled={playing} onClick={play}>
            {t(playing ? "device.speaker.testing" : "device.speaker.test")}
          </Button>
        </div>
      ) : null}
      {tools.sdk.speakerSelectable ? null : <p className={styles.hint}>{t("device.speaker.fixed")}</p>}
    </div>
  );
}

/** The default first. A remembered device that is not plugged in keeps its place, so that choosing it is not lost. */
function choicesOf(devices: readonly Device[], chosen: string | undefined, { t }: I18n, always = false): readonly Choice[] {
  if (devices.length === 0) return [{ value: chosen ?? "", text: always ? t("device.default") : t("device.none") }];
  const choices = devices
    .filter(({ id }) => id !== "" && id !== "default" && id !== "communications")
    .map(({ id, label }, index) => ({ value: id, text: label === "" ? t("device.unnamed", { number: index + 1 }) : label }));
  const list = [{ value: "", text: t("device.default") }, ...choices];
  if (chosen !== undefined && !list.some(({ value }) => value === chosen)) list.push({ value: chosen, text: t("device.none") });
  return list;
}
