/** What the app remembers between visits. Storage that is full, forbidden or damaged costs the memory, never the call. */
import { Store } from "./store.ts";

export type Language = "auto" | "en" | "ja";
export type SelfView = "floating" | "tile" | "hidden";

export type Settings = {
  readonly name: string;
  readonly language: Language;
  /** An API key of one's own; empty: the server's default app. */
  readonly key: string;
  readonly camera: string | undefined;
  readonly microphone: string | undefined;
  readonly speaker: string | undefined;
  readonly cameraOn: boolean;
  readonly microphoneOn: boolean;
  readonly shortcuts: boolean;
  readonly ringtone: boolean;
  readonly selfView: SelfView;
  readonly phoneId: string | undefined;
  /** The latest first, at most {@link RECENT_ROOMS}. */
  readonly rooms: readonly string[];
  /** Where the own broadcasts are watched; empty until the first one. */
  readonly channel: string;
  readonly broadcastTitle: string;
};

const STORAGE_KEY = "tsunagi.meet";
const RECENT_ROOMS = 4;
/** Long enough for any name, short enough for a tile. */
export const NAME_LENGTH = 40;

export const DEFAULT_SETTINGS: Settings = {
  name: "",
  language: "auto",
  key: "",
  camera: undefined,
  microphone: undefined,
  speaker: undefined,
  cameraOn: true,
  microphoneOn: true,
  shortcuts: true,
  ringtone: true,
  selfView: "floating",
  phoneId: undefined,
  rooms: [],
  channel: "",
  broadcastTitle: "",
};

export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Takes what is usable of a stored text; each field that is not falls back to its default. */
export function parseSettings(text: string | null): Settings {
  let stored: unknown;
  try {
    stored = text === null ? undefined : JSON.parse(text);
  } catch {
    stored = undefined;
  }
  if (typeof stored !== "object" || stored === null) return DEFAULT_SETTINGS;
  const record = stored as Readonly<Record<string, unknown>>;
  const string = (value: unknown, most: number): string | undefined =>
    typeof value === "string" && value.length <= most ? value : undefined;
  const boolean = (value: unknown, fallback: boolean): boolean => (typeof value === "boolean" ? value : fallback);
  const { language, selfView, rooms } = record;
  return {
    name: string(record.name, NAME_LENGTH) ?? "",
    language: language === "en" || language === "ja" ? language : "auto",
    key: string(record.key, 200) ?? "",
    camera: string(record.camera, 500),
    microphone: string(record.microphone, 500),
    speaker: string(record.speaker, 500),
    cameraOn: boolean(record.cameraOn, true),
    microphoneOn: boolean(record.microphoneOn, true),
    shortcuts: boolean(record.shortcuts, true),
    ringtone: boolean(record.ringtone, true),
    selfView: selfView === "tile" || selfView === "hidden" ? selfView : "floating",
    phoneId: string(record.phoneId, 64),
    rooms: Array.isArray(rooms)
      ? rooms.filter((room): room is string => typeof room === "string" && room !== "").slice(0, RECENT_ROOMS)
      : [],
    channel: string(record.channel, 128) ?? "",
    broadcastTitle: string(record.broadcastTitle, 80) ?? "",
  };
}

export function withRecentRoom(rooms: readonly string[], room: string): readonly string[] {
  return [room, ...rooms.filter((other) => other !== room)].slice(0, RECENT_ROOMS);
}

/** The settings as a store that writes itself back. */
export function openSettings(storage: () => Storage): Store<Settings> {
  let text: string | null = null;
  try {
    text = storage().getItem(STORAGE_KEY);
  } catch {
    // Storage may be forbidden altogether (blocked cookies): begin with the defaults.
  }
  const store = new Store(parseSettings(text));
  store.subscribe(() => {
    try {
      storage().setItem(STORAGE_KEY, JSON.stringify(store.get()));
    } catch {
      // Full or forbidden: the choice holds for this visit.
    }
  });
  return store;
}

export const settings = openSettings(() => window.localStorage);
