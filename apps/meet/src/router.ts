/** A router of the places that the app has, over the History API. */
import { useSyncExternalStore } from "react";

/** `auto`: straight between few, through the server among many. `small` and `large` are always the one and the other. */
export type RoomChoice = "auto" | "small" | "large";

export type Route =
  | { readonly view: "home" }
  | { readonly view: "phone"; readonly call: string | undefined }
  | {
      readonly view: "room";
      readonly room: string;
      readonly listen: boolean;
      readonly mode?: RoomChoice;
      readonly secret?: string | undefined;
    }
  | { readonly view: "studio" }
  | { readonly view: "watch"; readonly room: string }
  | { readonly view: "settings" }
  | { readonly view: "check" }
  | { readonly view: "not-found"; readonly path: string };

/** The server's limit on room names (protocol), so that a link cannot ask for what is refused anyway. */
const ROOM_NAME_LENGTH = 128;

/** As {@link makeSecret} writes it, or a word that people agreed on. */
const SECRET_LENGTH = 128;

/** @param hash where the room's secret is (`#k=…`): browsers send it to no server */
export function parseRoute(path: string, query: string, hash = ""): Route {
  const search = new URLSearchParams(query);
  const [first = "", second, ...rest] = path.split("/").filter((part) => part !== "");
  const missing: Route = { view: "not-found", path };
  if (rest.length > 0) return missing;
  if ((first === "room" || first === "live") && second !== undefined) {
    let room: string;
    try {
      room = decodeURIComponent(second);
    } catch {
      return missing;
    }
    if (room.trim() === "" || room.length > ROOM_NAME_LENGTH) return missing;
    if (first === "live") return { view: "watch", room };
    const mode = search.get("mode");
    const secret = new URLSearchParams(hash.replace(/^#/, "")).get("k") ?? "";
    return {
      view: "room",
      room,
      listen: search.get("listen") === "1",
      mode: mode === "small" || mode === "large" ? mode : "auto",
      secret: secret === "" || secret.length > SECRET_LENGTH ? undefined : secret,
    };
  }
  if (second !== undefined) return missing;
  switch (first) {
    case "":
    case "index.html":
      return { view: "home" };
    case "phone":
      return { view: "phone", call: search.get("call") ?? undefined };
    case "settings":
      return { view: "settings" };
    case "live":
      return { view: "studio" };
    case "check":
      return { view: "check" };
    default:
      return missing;
  }
}

/** A key given in the address (`?key=`) goes along to every other place and into every link that is handed out. */
function keyOfAddress(): string | null {
  return new URLSearchParams(window.location.search).get("key");
}

export function pathOf(route: Route, key: string | null = keyOfAddress()): string {
  const query = new URLSearchParams();
  let path = "/";
  let hash = "";
  switch (route.view) {
    case "phone":
      path = "/phone";
      if (route.call !== undefined) query.set("call", route.call);
      break;
    case "room":
      path = `/room/${encodeURIComponent(route.room)}`;
      if (route.listen) query.set("listen", "1");
      if (route.mode !== undefined && route.mode !== "auto") query.set("mode", route.mode);
      if (route.secret !== undefined) hash = `#${new URLSearchParams({ k: route.secret })}`;
      break;
    case "studio":
      path = "/live";
      break;
    case "watch":
      path = `/live/${encodeURIComponent(route.room)}`;
      break;
    case "settings":
      path = "/settings";
      break;
    case "check":
      path = "/check";
      break;
    case "not-found":
      path = route.path;
      break;
    case "home":
      break;
  }
  if (key !== null) query.set("key", key);
  const text = query.toString();
  return `${path}${text === "" ? "" : `?${text}`}${hash}`;
}

/** 128 bits, in letters that no link breaks at. */
export function makeSecret(
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string {
  return btoa(String.fromCharCode(...random(new Uint8Array(16))))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}

/** The address to give to somebody else. */
export function linkTo(route: Route): string {
  return new URL(pathOf(route), window.location.origin).href;
}

const listeners = new Set<() => void>();
let last: { readonly href: string; readonly route: Route } | undefined;

function currentRoute(): Route {
  const { href, pathname, search, hash } = window.location;
  if (last?.href !== href) last = { href, route: parseRoute(pathname, search, hash) };
  return last.route;
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

export function navigate(route: Route, options: { readonly replace?: boolean } = {}): void {
  const path = pathOf(route);
  if (options.replace === true) {
    window.history.replaceState(null, "", path);
  } else {
    window.history.pushState(null, "", path);
    window.scrollTo(0, 0);
  }
  tell();
}

export function useRoute(): Route {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      window.addEventListener("popstate", listener);
      return () => {
        listeners.delete(listener);
        window.removeEventListener("popstate", listener);
      };
    },
    () => currentRoute(),
  );
}
