/** The player: picture, sound that may have to be asked for, and the controls under it. */
import { Activity, Maximize, Minimize, Volume2, VolumeX } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useChrome } from "../call/use-chrome.ts";
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useField } from "../state/store.ts";
import { Button, classes, IconButton } from "../ui/button.tsx";
import { useFullscreen } from "../ui/use-fullscreen.ts";
import { FlowLine } from "./flow-line.tsx";
import { PlayerWord } from "./player-word.tsx";
import { usePlayerKeys } from "./use-player-keys.ts";
import styles from "./watch.module.css";
import { QUALITIES, type Quality, type Watching, type WatchingState } from "./watching.ts";

type PlayerProps = {
  readonly state: WatchingState;
  readonly watching: Watching | undefined;
  readonly onRetry: () => void;
};

export function Player({ state, watching, onRetry }: PlayerProps) {
  const { t } = useI18n();
  const { main, sounds, phase, air, quality } = state;
  const shortcuts = useField(settings, "shortcuts");
  const [muted, setMuted] = useState(false);
  const [volume, setVolume] = useState(1);
  const [blocked, setBlocked] = useState(false);
  const [numbers, setNumbers] = useState(false);
  const stage = useRef<HTMLElement>(null);
  const controls = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const fullscreen = useFullscreen(stage);
  const chrome = useChrome(controls, !fullscreen.on);
  const playing = phase === "in" && main !== null;

  useEffect(() => {
    const element = video.current;
    if (element === null || main === null || watching === undefined) return;
    return watching.attach(element, main);
  }, [watching, main]);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    element.muted = muted;
    element.volume = volume;
    if (main === null) return;
    element.play().catch((error: unknown) => {
      // The browser wants a touch before it lets sound out; the picture may run without. AbortError: the next stream plays.
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || element.muted) return;
      setBlocked(true);
      setMuted(true);
    });
  }, [main, muted, volume]);

  const hear = useCallback(() => {
    setBlocked(false);
    setMuted(false);
    // Within the touch itself, so that the browser knows why.
    if (video.current !== null) video.current.muted = false;
  }, []);
  const toggleSound = useCallback(() => {
    setBlocked(false);
    setMuted((before) => !before);
  }, []);
  const louder = useCallback((by: number) => {
    setVolume((before) => Math.max(0, Math.min(1, Math.round((before + by) * 10) / 10)));
  }, []);
  usePlayerKeys(shortcuts, {
    sound: toggleSound,
    louder,
    numbers: () => setNumbers((before) => !before),
    fullscreen: fullscreen.toggle,
  });

  return (
    <main ref={stage} className={classes(styles.stage, fullscreen.on && styles.full)} aria-label={t("watch.player")}>
      <div className={styles.picture}>
        <video
          ref={video}
          autoPlay
          playsInline
          className={playing ? undefined : styles.hidden}
          onDoubleClick={fullscreen.toggle}
        />
        {sounds.map((stream) => (
          <Sound key={stream.id} stream={stream} muted={muted} volume={volume} />
        ))}
        <PlayerWord state={state} onRetry={onRetry} />
        {blocked && playing ? (
          <Button className={styles.hear} look="primary" size="large" icon={Volume2} onClick={hear}>
            {t("watch.hear")}
          </Button>
        ) : null}
        {numbers ? <FlowLine state={state} /> : null}
      </div>
      <div
        ref={controls}
        className={classes(styles.controls, !chrome && styles.away)}
        role="toolbar"
        aria-label={t("watch.controls")}
      >
        <IconButton
          icon={muted || volume === 0 ? VolumeX : Volume2}
          label={t(muted ? "watch.sound.on" : "watch.sound.off")}
          onClick={toggleSound}
        />
        <input
          className={styles.volume}
          type="range"
          min={0}
          max={1}
          step={0.1}
          value={muted ? 0 : volume}
          aria-label={t("watch.volume")}
          onChange={(event) => {
            const next = Number(event.target.value);
            setVolume(next);
            setBlocked(false);
            setMuted(next === 0);
          }}
        />
        <span className={styles.spring} />
        <label className={styles.quality}>
          <span>{t("watch.quality")}</span>
          <select
            value={quality}
            disabled={air !== "live"}
            onChange={(event) => watching?.setQuality(event.target.value as Quality)}
          >
            {QUALITIES.map((each) => (
              <option key={each} value={each}>
                {t(`watch.quality.${each}`)}
              </option>
            ))}
          </select>
        </label>
        <IconButton
          icon={Activity}
          label={t(numbers ? "call.stats.hide" : "call.stats")}
          aria-pressed={numbers}
          onClick={() => setNumbers(!numbers)}
        />
        <IconButton
          icon={fullscreen.on ? Minimize : Maximize}
          label={t(fullscreen.on ? "call.fullscreen.exit" : "call.fullscreen")}
          onClick={fullscreen.toggle}
        />
      </div>
    </main>
  );
}

type SoundProps = { readonly stream: MediaStream; readonly muted: boolean; readonly volume: number };

function Sound({ stream, muted, volume }: SoundProps) {
  const ref = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = ref.current;
    if (audio === null) return;
    audio.srcObject = stream;
    return () => {
      audio.srcObject = null;
    };
  }, [stream]);
  useEffect(() => {
    const audio = ref.current;
    if (audio === null) return;
    audio.muted = muted;
    audio.volume = volume;
    // The picture's player asks for the touch, for both.
    audio.play().catch(() => undefined);
  }, [muted, volume]);
  return <audio ref={ref} />;
}
