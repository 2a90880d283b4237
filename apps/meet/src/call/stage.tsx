/** The stage: everybody's pictures in a grid, or one large with the others beside it; what does not fit is on further pages. */
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useField, useStore } from "../state/store.ts";
import { useServices } from "../ui/services.ts";
import { type Area, focusLayout, gridLayout, pageCapacity, pageOf, stripCapacity } from "./grid.ts";
import type { Call, Participant } from "./model.ts";
import { PAGER_HEIGHT, Pager, useSwipe } from "./pager.tsx";
import { SelfView } from "./self-view.tsx";
import styles from "./stage.module.css";
import { chooseFocus, type Layout, stageEntries } from "./stage-entries.ts";
import { Tile } from "./tile.tsx";
import { usePlaces } from "./use-places.ts";
import { useSpeaking } from "./use-speaking.ts";
import type { CallStats } from "./use-stats.ts";

const GAP = 8;
const SELF = "self";
/** Narrower stages have room under the tiles. */
const WIDE = 640;
/** From so many tiles on the own picture has a place among them. */
const SEATED_FROM: Readonly<Partial<Record<Layout, number>>> = { grid: 6, speaker: 3 };

type StageProps = {
  readonly call: Call;
  readonly participants: readonly Participant[];
  readonly ownName: string;
  readonly layout: Layout;
  readonly pinned: string | undefined;
  readonly page: number;
  readonly onPage: (page: number) => void;
  /** `undefined`: not wanted. */
  readonly stats: CallStats | undefined;
  readonly onPin: (key: string) => void;
  /** Shown instead of tiles when there are none. */
  readonly children: ReactNode;
};

export function Stage(props: StageProps) {
  const { call, participants, ownName, layout, pinned, page, onPage, stats, onPin, children } = props;
  const { receiveOnly, voices } = call;
  const { t } = useI18n();
  const { media } = useServices();
  const { stream, camera, microphone, revision } = useStore(media.store);
  const selfView = useField(settings, "selfView");
  const active = useField(voices.store, "active");
  const [ratios, setRatios] = useState<Readonly<Record<string, number>>>({});
  const [ref, whole] = useArea();

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
  const selfSpeaking = useSpeaking(self === undefined ? null : stream, microphone === "on", revision);
  const entries = useMemo(() => stageEntries(participants, self), [participants, self]);

  // Without a pager if all fit, else with it, in the rest of the stage.
  const beside = layout === "grid" ? 0 : 1;
  const capacityOf = (area: Area) =>
    layout === "grid" ? pageCapacity(area, GAP) : layout === "speaker" ? stripCapacity(area, GAP) : entries.length;
  const paged = whole.width > 0 && entries.length - beside > capacityOf(whole);
  const area = useMemo<Area>(() => (paged ? { width: whole.width, height: whole.height - PAGER_HEIGHT } : whole), [paged, whole]);
  // Among many the own picture takes the last place of the page, rather than hide somebody.
  const floating = !receiveOnly && selfView === "floating";
  const many = entries.length >= (SEATED_FROM[layout] ?? Number.POSITIVE_INFINITY);
  const seats = floating && many && area.width >= WIDE ? 1 : 0;
  const size = Math.max(1, capacityOf(area) - seats);

  const focusKey = layout === "grid" ? undefined : chooseFocus(entries, pinned, active);
  const byKey = new Map(entries.map((entry) => [entry.key, entry]));
  const cameras = useMemo(
    () => entries.filter(({ source, participant }) => source === "camera" && participant.id !== SELF).map(({ key }) => key),
    [entries],
  );
  // Screens, and the own tile where there are pages, have their places in front of the others.
  const screens = entries.filter(({ source, key }) => source === "screen" && key !== focusKey).map(({ key }) => key);
  const own = byKey.has(`${SELF}/camera`) && focusKey !== `${SELF}/camera` ? [`${SELF}/camera`] : [];
  const lead = paged ? [...screens, ...own] : screens;
  const places = usePlaces(cameras, size - lead.length, voices);
  const order = [...lead, ...places.filter((key) => key !== focusKey && byKey.has(key)), ...(paged ? [] : own)];
  const paging = pageOf(order.length, size, page);
  const onThisPage = layout === "spotlight" ? [] : order.slice(paging.first, paging.last);
  const shown = focusKey === undefined ? onThisPage : [focusKey, ...onThisPage];

  const single = shown.length === 1 ? ratios[shown[0] ?? ""] : undefined;
  const boxes = useMemo(() => {
    if (layout !== "grid") return focusLayout(shown.length + seats, area, GAP);
    // On an upright screen the own picture finds its place under the others.
    const align = shown.length > 1 && area.height > area.width && floating ? "top" : "centre";
    // A single picture takes its own shape; several are alike, and the last page's are as large as the others'.
    return gridLayout(paging.pages > 1 ? size + seats : shown.length + seats, area, GAP, { ratio: single, align });
  }, [layout, shown.length, area, floating, paging.pages, size, seats, single]);
  const seat = seats === 0 ? undefined : layout === "grid" && paging.pages > 1 ? boxes.at(-1) : boxes[shown.length];

  useEffect(() => {
    // Further pages than there are: stay on the last one.
    if (whole.width > 0 && layout !== "spotlight" && page !== paging.page) onPage(paging.page);
  }, [whole.width, layout, page, paging.page, onPage]);
  const shownText = shown.join("\n");
  useEffect(() => {
    if (whole.width > 0) call.show(new Set(shownText.split("\n")), focusKey);
  }, [call, shownText, focusKey, whole.width]);
  const onRatio = useCallback((key: string, ratio: number) => {
    setRatios((before) => (before[key] === ratio ? before : { ...before, [key]: ratio }));
  }, []);
  const turn = (by: 1 | -1) => onPage(Math.max(0, Math.min(paging.pages - 1, paging.page + by)));
  const swipe = useSwipe(turn);

  return (
    <div ref={ref} className={styles.stage} {...(paging.pages > 1 ? swipe : {})}>
      {participants.length === 0 || entries.length === 0 ? children : null}
      <ul aria-label={t("call.stage")}>
        {whole.width === 0
          ? null
          : shown.map((key, index) => {
              const entry = byKey.get(key);
              if (entry === undefined) return null;
              const { participant, source } = entry;
              const isSelf = participant.id === SELF;
              return (
                <Tile
                  key={key}
                  call={call}
                  participant={participant}
                  source={source}
                  box={boxes[index]}
                  pinned={pinned === key}
                  self={isSelf}
                  selfSpeaking={isSelf && selfSpeaking}
                  stats={stats === undefined || isSelf ? undefined : (stats.connections.get(participant.id) ?? null)}
                  layer={stats === undefined || isSelf ? undefined : stats.layers.get(key)}
                  onPin={onPin}
                  onRatio={onRatio}
                />
              );
            })}
      </ul>
      {paging.pages > 1 && layout !== "spotlight" ? <Pager paging={paging} onPage={onPage} /> : null}
      {floating && whole.width > 0 ? (
        <SelfView call={call} area={area} boxes={boxes.slice(0, shown.length)} seat={seat} name={ownName} />
      ) : null}
    </div>
  );
}

function useArea() {
  const [area, setArea] = useState<Area>({ width: 0, height: 0 });
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
  return [ref, area] as const;
}
