/** An element's size in device pixels as a person sees it: 0 while it is scrolled away, hidden, or its page is in the background. */

type Watch = { readonly onSize: (width: number, height: number) => void; visible: boolean; told: string };

/** By element: an application may show one stream in an element that several watch. */
const watches = new Map<Element, Set<Watch>>();
let observers: { readonly size: ResizeObserver; readonly place: IntersectionObserver } | undefined;

export function watchElement(element: HTMLVideoElement, onSize: (width: number, height: number) => void): () => void {
  const { size, place } = observing();
  const watch: Watch = { onSize, visible: true, told: "" };
  const all = watches.get(element) ?? new Set();
  // A later one hears of the place only when it changes.
  for (const other of all) watch.visible = other.visible;
  watches.set(element, all.add(watch));
  size.observe(element);
  place.observe(element);
  tell(element, watch);
  return () => {
    if (!all.delete(watch) || all.size > 0) return;
    watches.delete(element);
    size.unobserve(element);
    place.unobserve(element);
  };
}

function observing(): NonNullable<typeof observers> {
  if (observers !== undefined) return observers;
  const tellAll = () => {
    for (const [element, all] of watches) for (const watch of all) tell(element, watch);
  };
  observers = {
    size: new ResizeObserver((entries) => {
      for (const { target } of entries) for (const watch of watches.get(target) ?? []) tell(target, watch);
    }),
    place: new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        for (const watch of watches.get(target) ?? []) {
          watch.visible = isIntersecting;
          tell(target, watch);
        }
      }
    }),
  };
  document.addEventListener("visibilitychange", tellAll);
  // The device pixel ratio changes with the zoom, or with the screen that a window is moved to.
  addEventListener("resize", tellAll);
  return observers;
}

function tell(element: Element, watch: Watch): void {
  const pip = document.pictureInPictureElement === element;
  const seen = pip || (watch.visible && document.visibilityState === "visible");
  const scale = seen ? devicePixelRatio : 0;
  const [width, height] = [Math.round(element.clientWidth * scale), Math.round(element.clientHeight * scale)];
  const text = `${width} ${height}`;
  if (watch.told === text) return;
  watch.told = text;
  watch.onSize(width, height);
}
