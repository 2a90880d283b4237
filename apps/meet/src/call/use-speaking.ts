/** Whether somebody speaks, from the sound itself. */
import { useEffect, useState } from "react";
import { useSdk } from "../ui/services.ts";

const LOOK_MS = 120;
/** Level above which it is speech rather than a room's hum (-39 dBFS), and how long a pause between words may be. */
const SPEECH = 0.35;
const HOLD_MS = 700;

export function useSpeaking(stream: MediaStream | null, audible: boolean, revision = 0): boolean {
  const sdk = useSdk();
  const [speaking, setSpeaking] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `revision` says that the stream has other tracks now
  useEffect(() => {
    setSpeaking(false);
    if (!audible || stream === null || stream.getAudioTracks().length === 0) return;
    let meter: ReturnType<typeof sdk.createLevelMeter>;
    try {
      meter = sdk.createLevelMeter(stream);
    } catch {
      return;
    }
    let last = Number.NEGATIVE_INFINITY;
    const timer = setInterval(() => {
      const now = performance.now();
      if (meter.level() > SPEECH) last = now;
      setSpeaking(now - last < HOLD_MS);
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
      meter.close();
    };
  }, [sdk, stream, audible, revision]);
  return speaking;
}
