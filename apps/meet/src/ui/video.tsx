/** A stream on the page. The element is given its stream, and its speaker where the browser lets us choose. */
import { type CSSProperties, useEffect, useRef } from "react";
import { useSdk } from "./services.ts";

type VideoProps = {
  readonly stream: MediaStream | null;
  readonly muted?: boolean;
  readonly mirrored?: boolean;
  readonly speaker?: string | undefined;
  readonly className?: string | undefined;
  /** The browser refuses to play sound before the user touched the page. */
  readonly onBlocked?: (retry: () => void) => void;
  readonly onSize?: (width: number, height: number) => void;
  /** Gives the element its stream; returns what takes it away. Default: as it is. */
  readonly attach?: (element: HTMLVideoElement, stream: MediaStream) => () => void;
};

const MIRROR: CSSProperties = { transform: "scaleX(-1)" };

export function Video({ stream, muted = false, mirrored = false, speaker, className, onBlocked, onSize, attach }: VideoProps) {
  const sdk = useSdk();
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = ref.current;
    if (video === null || stream === null) return;
    if (attach !== undefined) return attach(video, stream);
    video.srcObject = stream;
    return () => {
      video.srcObject = null;
    };
  }, [stream, attach]);
  // React sets `muted` only as a property after the first render; autoplay decides earlier.
  useEffect(() => {
    const video = ref.current;
    if (video === null) return;
    video.muted = muted;
    if (stream === null) return;
    video.play().catch((error: unknown) => {
      // AbortError: the stream changed meanwhile, the next one plays.
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked?.(() => void video.play());
    });
  }, [stream, muted, onBlocked]);
  useEffect(() => {
    const video = ref.current;
    if (video === null || muted || speaker === undefined || !sdk.speakerSelectable) return;
    // A speaker that went away: the system's default goes on playing.
    sdk.setSpeaker(video, speaker).catch(() => undefined);
  }, [sdk, muted, speaker]);
  return (
    <video
      ref={ref}
      autoPlay
      playsInline
      muted={muted}
      className={className}
      style={mirrored ? MIRROR : undefined}
      onResize={({ currentTarget: { videoWidth, videoHeight } }) => onSize?.(videoWidth, videoHeight)}
      onLoadedMetadata={({ currentTarget: { videoWidth, videoHeight } }) => onSize?.(videoWidth, videoHeight)}
    />
  );
}
