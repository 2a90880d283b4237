/** The stage: everybody's pictures in a grid, or one large with the others beside it. */
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import type { ConnectionStats } from "../sdk.ts";
import { settings } from "../state/settings.ts";
import { useField, useStore } from "../state/store.ts";
import { useServices } from "../ui/services.ts";
import { type Area, focusLayout, gridLayout } from "./grid.ts";
import type { Participant } from "./model.ts";
import { SelfView } from "./self-view.tsx";
import styles from "./stage.module.css";
import { Tile, type TileSource } from "./tile.tsx";

const GAP = 8;
const SELF = "self";

export type StageEntry = { readonly key: string; readonly participant: Participant; readonly source: TileSource };

/** Screens first, so that they lead; listeners send nothing and have no tile. */
export function stageEntries(participants: readonly Participant[], self: Participant | undefined): readonly StageEntry[] {
  const entry = (participant: Participant, source: TileSource): StageEntry => ({
    key: `${participant.id}/${source}`,
    participant,
    source,
  });
  const cameras = participants.filter(({ receiveOnly }) => !receiveOnly).map((each) => entry(each, "camera"));
  const screens = participants.filter(({ screen }) => screen !== null).map((each) => entry(each, "screen"));
  return [...screens, ...cameras, ...(self === undefined ? [] : [entry(self, "camera")])];
}

/** Whose tile is large: the pinned one, else a screen, else who spoke last. */
export function chooseFocus(
  entries: readonly StageEntry[],
  pinned: string | undefined,
  speaker: string | undefined,
): string | undefined {
  const there = (key: string | undefined) => key !== undefined && entries.some((each) => each.key === key);
  if (there(pinned)) return pinned;
  const screen = entries.find(({ source }) => source === "screen");
  if (screen !== undefined) return screen.key;
  const speaking = speaker === undefined ? undefined : `${speaker}/camera`;
  return there(speaking) ? speaking : entries[0]?.key;
}

type StageProps = {
  readonly participants: readonly Participant[];
  readonly ownName: string;
  readonly receiveOnly: boolean;
  readonly focused: boolean;
  readonly pinned: string | undefined;
  /** `undefined`: not wanted. */
  readonly stats: ReadonlyMap<string, ConnectionStats> | undefined;
  readonly onPin: (key: string) => void;
  readonly onBlocked: (retry: () => void) => void;
  /** Shown instead of tiles when there are none. */
  readonly children: ReactNode;
};

export function Stage(props: StageProps) {
  const { participants, ownName, receiveOnly, focused, pinned, stats, onPin, onBlocked, children } = props;
  const { t } = useI18n();
  const { media } = useServices();
  const { stream, camera, microphone } = useStore(media.store);
  const selfView = useField(settings, "selfView");
  const speaker = useField(settings, "speaker");
  const [area, setArea] = useState<Area>({ width: 0, height: 0 });
  const [lastSpeaker, setLastSpeaker] = useState<string>();
  const [ratios, setRatios] = useState<Readonly<Record<string, number>>>({});
  const ref = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setArea({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const self = useMemo<Participant | undefined>(
    () =>
      receiveOnly || selfView !== "tile"
        ? undefined
        : {
            id: SELF,
            name: ownName,
            link: "connected",
            receiveOnly: false,
            camera: stream,
            screen: null,
            microphoneOn: microphone === "on",
            cameraOn: camera === "on",
            quality: undefined,
          },
    [receiveOnly, selfView, ownName, stream, microphone, camera],
  );
  const entries = useMemo(() => stageEntries(participants, self), [participants, self]);
  const focusKey = focused ? chooseFocus(entries, pinned, lastSpeaker) : undefined;
  const boxes = useMemo(() => {
    if (focusKey === undefined) {
      // A single picture takes its own shape; several are alike.
      const ratio = entries.length === 1 ? ratios[entries[0]?.key ?? ""] : undefined;
      // On an upright screen the own picture finds its place under the others.
      const align = entries.length > 1 && area.height > area.width && selfView === "floating" && !receiveOnly ? "top" : "centre";
      const grid = gridLayout(entries.length, area, GAP, { ratio, align });
      return new Map(entries.map(({ key }, index) => [key, grid[index]]));
    }
    const order = [...entries.filter(({ key }) => key === focusKey), ...entries.filter(({ key }) => key !== focusKey)];
    const focus = focusLayout(order.length, area, GAP);
    return new Map(order.map(({ key }, index) => [key, focus[index]]));
  }, [entries, area, focusKey, ratios, selfView, receiveOnly]);
  const left = [...boxes.values()].filter((box) => box === undefined).length;
  const onRatio = useCallback((key: string, ratio: number) => {
    setRatios((before) => (before[key] === ratio ? before : { ...before, [key]: ratio }));
  }, []);
  const onSpeaking = useCallback((id: string) => setLastSpeaker(id), []);

  return (
    <div ref={ref} className={styles.stage}>
      {participants.length === 0 || entries.length === 0 ? children : null}
      <ul aria-label={t("call.stage")}>
        {area.width === 0
          ? null
          : entries.map(({ key, participant, source }) => (
              <Tile
                key={key}
                participant={participant}
                source={source}
                box={boxes.get(key)}
                pinned={pinned === key}
                self={participant.id === SELF}
                speaker={speaker}
                stats={stats === undefined || participant.id === SELF ? undefined : (stats.get(participant.id) ?? null)}
                onPin={() => onPin(key)}
                onRatio={onRatio}
                onSpeaking={onSpeaking}
                onBlocked={onBlocked}
              />
            ))}
      </ul>
      {left > 0 && area.width > 0 ? <p className={styles.more}>{t("tile.more", { count: left })}</p> : null}
      {!receiveOnly && selfView === "floating" && area.width > 0 ? (
        <SelfView area={area} boxes={[...boxes.values()].filter((box) => box !== undefined)} name={ownName} />
      ) : null}
    </div>
  );
}
