/** The microphone's level as a bar. Drawn outside of React: it changes 20 times a second. */
import { useEffect, useRef } from "react";
import { useI18n } from "../i18n/index.tsx";
import { useSdk } from "../ui/services.ts";
import styles from "./devices.module.css";

const DRAW_MS = 50;

export function LevelBar({
  stream,
  revision,
  on,
}: {
  readonly stream: MediaStream | null;
  readonly revision: number;
  readonly on: boolean;
}) {
  const { t } = useI18n();
  const sdk = useSdk();
  const bar = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `revision` says that the stream has other tracks now
  useEffect(() => {
    if (!on || stream === null || stream.getAudioTracks().length === 0) return;
    let meter: ReturnType<typeof sdk.createLevelMeter>;
    try {
      meter = sdk.createLevelMeter(stream);
    } catch {
      // Without Web Audio there is no bar; the microphone works all the same.
      return;
    }
    let shown = 0;
    const timer = setInterval(() => {
      // Falls slowly, so that the eye can follow.
      shown = Math.max(meter.level(), shown * 0.85);
      const percent = Math.round(Math.min(1, shown) * 100);
      bar.current?.style.setProperty("--level", `${percent}%`);
      bar.current?.setAttribute("aria-valuenow", String(percent));
    }, DRAW_MS);
    return () => {
      clearInterval(timer);
      meter.close();
      bar.current?.style.setProperty("--level", "0%");
    };
  }, [sdk, stream, revision, on]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: the look of a <meter> differs from browser to browser
    <div
      ref={bar}
      className={styles.level}
      role="meter"
      aria-label={t("device.level")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
